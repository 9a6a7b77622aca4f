using System.CommandLine;
using QuaRot.Checkpoints.Perplexity;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Cli.Evaluation;
using QuaRot.Engine.Evaluation.Table;
using QuaRot.Kernels.Backends;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot eval --table MODEL</c>: the tables of the QuaRot paper for an unquantized model.</summary>
internal static class EvalTable
{
    private static readonly Option<bool> Table = new("--table") { Description = "Quantize MODEL in the formats of the paper's tables and measure each; Markdown, or JSON with --json" };
    private static readonly Option<string> Rows = new("--rows") { Description = "With --table: rows or sections to take (main, groups, weights, activations, kv), with commas between; by default all", DefaultValueFactory = _ => "" };
    private static readonly Option<string> Methods = new("--methods") { Description = $"With --table: weight quantizers, with commas between ({string.Join(", ", RowQuantizers.Names)})", DefaultValueFactory = _ => string.Join(',', RowQuantizers.Default) };
    private static readonly Option<int> Seeds = new("--seeds") { Description = "With --table: seeds 0, 1, ... for rotated rows; the median is reported", DefaultValueFactory = _ => 3 };
    private static readonly Option<int> Compared = new("--agreement-windows") { Description = "With --table: windows to compare with the float model's distributions", DefaultValueFactory = _ => 4 };
    private static readonly Option<bool> NoClipSearch = new("--no-clip-search") { Description = "With --table: take weight scales from the largest weight" };
    private static readonly Option<DirectoryInfo?> Work = new("--work") { Description = "With --table: folder for one quantized model at a time and the float model's logits; removed at the end" };

    private static Option[] Dependent => [Rows, Methods, Seeds, Compared, NoClipSearch, Work];

    public static void AddOptions(Command command)
    {
        command.Add(Table);
        foreach (var option in Dependent)
            command.Add(option);
    }

    /// <summary>True with --table; refuses options that do not go together.</summary>
    public static bool IsAsked(ParseResult args, params Option[] others)
    {
        var table = args.GetValue(Table);
        var misplaced = (table ? others : Dependent).FirstOrDefault(option => args.GetResult(option) is { Implicit: false });
        return misplaced is null ? table : throw new CommandException($"{misplaced.Name}: {(table ? "does not go with" : "goes only with")} --table");
    }

    public static int Run(
        ParseResult args, DirectoryInfo model, EvaluationText text, PerplexityProtocol protocol, string device, bool json, CancellationToken cancellationToken)
    {
        var options = ReadOptions(args, protocol);
        var rows = ReadRows(args);
        int[] tokens;
        using (var source = FloatModel.Open(model.FullName, "MODEL"))
            tokens = text.Encode(Tokenizer.Load(model.FullName), protocol.WindowTokens, source.Config.MaxPositions);

        using var backend = BackendRegistry.Create(device);
        using var line = new ProgressLine(quiet: false);
        var done = 0;
        var run = new TableRun(model.FullName, tokens, backend, RowQuantizers.On(device), options)
        {
            Progress = what => line.Say($"[{done} of {rows.Count + 1} rows done] {what}"),
        };
        var report = new TableReport(model.ToString(), text.Name, device, options);
        if (!json)
            report.PrintHeader();
        foreach (var result in run.Run(rows, cancellationToken))
        {
            line.Clear();
            report.Add(result, print: !json);
            done++;
        }

        if (json)
            report.PrintJson();
        return 0;
    }

    private static TableOptions ReadOptions(ParseResult args, PerplexityProtocol protocol)
    {
        var (seeds, compared) = (args.GetValue(Seeds), args.GetValue(Compared));
        if (seeds is < 1 or > 100)
            throw new CommandException($"--seeds: is {seeds}; must be 1 to 100");
        if (compared < 0)
            throw new CommandException($"--agreement-windows: is {compared}; must be 0 or more");
        var options = new TableOptions
        {
            Protocol = protocol,
            Seeds = [.. Enumerable.Range(0, seeds).Select(seed => (ulong)seed)],
            ComparedWindows = Math.Min(compared, protocol.MaxWindows),
            WeightClipSearch = !args.GetValue(NoClipSearch),
        };
        return args.GetValue(Work) is { } work ? options with { WorkFolder = work.FullName } : options;
    }

    private static IReadOnlyList<TableRow> ReadRows(ParseResult args)
    {
        var names = args.GetRequiredValue(Rows).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        try
        {
            return PaperTable.Select(PaperTable.Rows(RowQuantizers.Parse(args.GetRequiredValue(Methods))), names);
        }
        catch (ArgumentException e)
        {
            throw new CommandException($"--rows: {e.Message}", e);
        }
    }
}
