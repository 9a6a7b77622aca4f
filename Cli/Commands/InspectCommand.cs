using System.CommandLine;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Cli.Evaluation;
using QuaRot.Cli.Inspection;
using QuaRot.Engine.Inspection;
using QuaRot.Kernels.Backends;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot inspect MODEL</c>: the outliers of a model's activations, before and after rotation.</summary>
internal static class InspectCommand
{
    private const int FewestTokens = 16;
    private const int MappedTokens = 24;

    private static readonly Argument<DirectoryInfo> Model = new("MODEL") { Description = "Unquantized checkpoint folder" };
    private static readonly Option<FileInfo?> Text = EvaluationText.CreateOption();
    private static readonly Option<int> Tokens = new("--tokens") { Description = "Tokens of the text to look at, at most the model's context", DefaultValueFactory = _ => 1024 };
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of the random rotation" };
    private static readonly Option<FileInfo?> Html = new("--html") { Description = "Write a page with plot and table to this file" };
    private static readonly Option<FileInfo?> Svg = new("--svg") { Description = "Write the plot to this file" };
    private static readonly Option<string> Device = DeviceOption.Create();
    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON instead of a table" };

    public static Command Create()
    {
        var command = new Command("inspect", "Show the outliers of a model's activations before and after rotation")
        {
            Model, Text, Tokens, Seed, Html, Svg, Device, Json,
        };
        command.SetAction((args, token) => Task.Run(() => Run(args, token), token));
        return command;
    }

    private static int Run(ParseResult args, CancellationToken cancellationToken)
    {
        var folder = args.GetRequiredValue(Model);
        var text = EvaluationText.Read(args.GetValue(Text));
        RequireFolder(args, Html);
        RequireFolder(args, Svg);
        using var source = FloatModel.Open(folder.FullName, "MODEL");
        var tokens = ReadTokens(args, text, Tokenizer.Load(folder.FullName), source.Config.MaxPositions);

        using var backend = BackendRegistry.Create(DeviceOption.Read(args, Device));
        using var line = new ProgressLine(args.GetValue(Json));
        var before = ModelProfile.Measure(
            source, tokens, MappedTokens, backend, done => line.Say($"before rotation: token {done} of {tokens.Length}"), cancellationToken);
        line.Say("rotating");
        using var rotated = new RotatedCheckpoint(source, args.GetValue(Seed));
        var after = ModelProfile.Measure(
            rotated, tokens, MappedTokens, backend, done => line.Say($"after rotation: token {done} of {tokens.Length}"), cancellationToken);
        line.Clear();

        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder.FullName));
        Write(args, new InspectionReport(name, text.Name, tokens.Length, args.GetValue(Seed), before, after));
        return 0;
    }

    private static void Write(ParseResult args, InspectionReport report)
    {
        if (args.GetValue(Json))
            report.PrintJson();
        else
            report.PrintTable();
        if (args.GetValue(Html) is { } html)
            File.WriteAllText(html.FullName, InspectionPage.Write(report));
        if (args.GetValue(Svg) is { } svg)
            File.WriteAllText(svg.FullName, new InspectionPlot(report).Draw());
    }

    private static int[] ReadTokens(ParseResult args, EvaluationText text, Tokenizer tokenizer, int maxPositions)
    {
        var count = args.GetValue(Tokens);
        if (count < FewestTokens)
            throw new CommandException($"--tokens: is {count}; must be at least {FewestTokens}");
        var tokens = text.Encode(tokenizer);
        return tokens.Length >= FewestTokens
            ? tokens[..Math.Min(Math.Min(count, maxPositions), tokens.Length)]
            : throw new CommandException($"--text: {text.Name} has {tokens.Length} tokens; at least {FewestTokens} are needed");
    }

    // Before minutes of work, not after.
    private static void RequireFolder(ParseResult args, Option<FileInfo?> option)
    {
        if (args.GetValue(option)?.Directory is { Exists: false } folder)
            throw new CommandException($"{option.Name}: there is no folder {folder}");
    }
}
