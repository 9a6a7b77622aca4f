using System.CommandLine;
using System.Diagnostics;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Perplexity;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Cli.Evaluation;
using QuaRot.Engine.Evaluation;
using QuaRot.Engine.Evaluation.LastWord;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot eval MODEL</c>: perplexity over non-overlapping windows, agreement with another model, or a task.</summary>
internal static class EvalCommand
{
    private const string LastWord = "last-word";

    private static readonly Argument<DirectoryInfo> Model = new("MODEL") { Description = "Checkpoint folder, quantized or not" };
    private static readonly Option<FileInfo?> Text = EvaluationText.CreateOption();
    private static readonly Option<int> Window = new("--window") { Description = "Tokens of a window", DefaultValueFactory = _ => 1024 };
    private static readonly Option<int> Windows = new("--windows") { Description = "Most windows to take", DefaultValueFactory = _ => 39 };
    private static readonly Option<DirectoryInfo?> Against = new("--against") { Description = "Unquantized model to compare the next token's distribution with" };
    private static readonly Option<string?> TaskName = new("--task") { Description = $"Run a task instead: {LastWord} (find the last word of passages of the text)" };
    private static readonly Option<string> Device = DeviceOption.Create();
    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON instead of a table" };

    public static Command Create()
    {
        var command = new Command("eval", "Perplexity of a model on a text; agreement with the float model; a task; the paper's table")
        {
            Model, Text, Window, Windows, Against, TaskName, Device, Json,
        };
        EvalTable.AddOptions(command);
        command.SetAction((args, token) => Task.Run(() => Run(args, token), token));
        return command;
    }

    private static int Run(ParseResult args, CancellationToken cancellationToken)
    {
        var text = EvaluationText.Read(args.GetValue(Text));
        if (EvalTable.IsAsked(args, Against, TaskName))
        {
            var protocol = new PerplexityProtocol { WindowTokens = args.GetValue(Window), MaxWindows = args.GetValue(Windows) };
            return EvalTable.Run(args, args.GetRequiredValue(Model), text, protocol, DeviceOption.Read(args, Device), args.GetValue(Json), cancellationToken);
        }

        return args.GetValue(TaskName) switch
        {
            null => RunPerplexity(args, text, cancellationToken),
            LastWord when args.GetValue(Against) is null => RunLastWord(args, text, cancellationToken),
            LastWord => throw new CommandException("--against: does not go with --task"),
            var other => throw new CommandException($"--task: there is no '{other}'; there is {LastWord}"),
        };
    }

    private static int RunPerplexity(ParseResult args, EvaluationText text, CancellationToken cancellationToken)
    {
        var model = args.GetRequiredValue(Model);
        using var checkpoint = Open(args);
        using var other = args.GetValue(Against) is { } folder ? FloatModel.Open(folder.FullName, "--against") : null;
        var protocol = new PerplexityProtocol { WindowTokens = args.GetValue(Window), MaxWindows = args.GetValue(Windows) };
        var longest = Math.Min(checkpoint.Config.MaxPositions, other?.Config.MaxPositions ?? int.MaxValue);
        var tokens = text.Encode(Tokenizer.Load(model.FullName), protocol.WindowTokens, longest);
        RequireSameTokens(args, text, tokens, checkpoint, other);

        var started = Stopwatch.StartNew();
        var pages = KvLayout.PagesFor(protocol.WindowTokens);
        using var backend = BackendRegistry.Create(DeviceOption.Read(args, Device));
        using var stage = Load(checkpoint, backend, pages);
        using var reference = other is null ? null : Load(other, backend, pages);
        using var line = new ProgressLine(args.GetValue(Json));
        var windows = protocol.Cut(tokens).Count;
        var result = new QualityMeter(new StageLogits(stage), reference is null ? null : new StageLogits(reference))
            .Run(protocol, tokens, done => line.Say($"window {done} of {windows}"), cancellationToken);
        line.Clear();
        var report = new PerplexityReport(model.ToString(), checkpoint.Config, args.GetValue(Against)?.ToString(), text.Name, protocol.WindowTokens, result, started.Elapsed);
        if (args.GetValue(Json))
            report.PrintJson();
        else
            report.PrintTable();
        return 0;
    }

    private static int RunLastWord(ParseResult args, EvaluationText text, CancellationToken cancellationToken)
    {
        var model = args.GetRequiredValue(Model);
        using var checkpoint = Open(args);
        var passages = PassageCutter.Cut(text.Content);
        if (passages.Count == 0)
            throw new CommandException($"--text: {text.Name} has no passage of two sentences and 40 words");
        var task = new LastWordTask(passages, Tokenizer.Load(model.FullName), checkpoint.Config.MaxPositions);
        var started = Stopwatch.StartNew();
        using var backend = BackendRegistry.Create(DeviceOption.Read(args, Device));
        using var stage = Load(checkpoint, backend, KvLayout.PagesFor(task.LongestPassage));
        using var line = new ProgressLine(args.GetValue(Json));
        var result = task.Run(new StageLogits(stage), done => line.Say($"passage {done} of {task.Count}"), cancellationToken);
        line.Clear();
        var report = new LastWordReport(model.ToString(), text.Name, result, started.Elapsed);
        if (args.GetValue(Json))
            report.PrintJson();
        else
            report.PrintText();
        return 0;
    }

    private static ICheckpoint Open(ParseResult args)
    {
        var checkpoint = Checkpoint.Open(args.GetRequiredValue(Model).FullName);
        foreach (var note in ComputePath.Slower(checkpoint.Config.Quantization))
            Console.Error.WriteLine(note);
        return checkpoint;
    }

    // Distributions over different vocabularies, or of texts cut differently, cannot be compared.
    private static void RequireSameTokens(ParseResult args, EvaluationText text, int[] tokens, ICheckpoint checkpoint, ICheckpoint? other)
    {
        if (other is null)
            return;
        var folder = args.GetRequiredValue(Against)!;
        if (other.Config.VocabSize != checkpoint.Config.VocabSize)
            throw new CommandException($"--against: {folder} has a vocabulary of {other.Config.VocabSize}, the model of {checkpoint.Config.VocabSize}");
        if (!text.Encode(Tokenizer.Load(folder.FullName)).AsSpan().SequenceEqual(tokens))
            throw new CommandException($"--against: {folder} cuts {text.Name} into other tokens than the model does");
    }

    private static IModelStage Load(ICheckpoint checkpoint, Backend backend, int pages) =>
        StageLoader.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, pages);
}
