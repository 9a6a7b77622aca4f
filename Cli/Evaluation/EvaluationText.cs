using System.CommandLine;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Cli.Commands;

namespace QuaRot.Cli.Evaluation;

/// <summary>The text that a model is measured on.</summary>
/// <param name="Name">For reports.</param>
/// <param name="Content">The whole text.</param>
internal sealed record EvaluationText(string Name, string Content)
{
    public static Option<FileInfo?> CreateOption() => new("--text") { Description = "UTF-8 text to measure on; by default the project's own assets/eval.txt" };

    /// <summary>Reads the file, or the text that the program carries.</summary>
    /// <exception cref="CommandException">There is no such file.</exception>
    public static EvaluationText Read(FileInfo? file)
    {
        if (file is null)
        {
            using var resource = new StreamReader(typeof(EvaluationText).Assembly.GetManifestResourceStream("eval.txt")!);
            return new EvaluationText("assets/eval.txt", resource.ReadToEnd());
        }

        return file.Exists ? new EvaluationText(file.Name, File.ReadAllText(file.FullName)) : throw new CommandException($"--text: {file}: there is no such file");
    }

    /// <summary>Token ids, begin-of-text first where the model has one.</summary>
    public int[] Encode(Tokenizer tokenizer) => tokenizer.Encode(Content, addBos: tokenizer.BosTokenId is not null, parseSpecial: false);

    /// <summary>Token ids, at least one window of them.</summary>
    /// <exception cref="CommandException">The text is shorter, or the window does not suit the model.</exception>
    public int[] Encode(Tokenizer tokenizer, int window, int maxPositions)
    {
        if (window < 2 || window > maxPositions)
            throw new CommandException($"--window: is {window}; the model's context takes 2 to {maxPositions}");
        var tokens = Encode(tokenizer);
        return tokens.Length >= window ? tokens : throw new CommandException($"--text: {Name} has {tokens.Length} tokens, less than one window of {window}");
    }
}
