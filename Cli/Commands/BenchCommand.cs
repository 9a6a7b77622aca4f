using System.CommandLine;
using System.Diagnostics;
using QuaRot.Checkpoints;
using QuaRot.Cli.Bench;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Gpu.Fused;
using Spectre.Console;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot bench</c>: tokens per second of the forward pass, beside what the machine could do at most.</summary>
internal static class BenchCommand
{
    private static readonly Option<string> Device = DeviceOption.Create();
    private static readonly Option<DirectoryInfo?> Model = new("--model") { Description = "Checkpoint folder" };
    private static readonly Option<string> Shape = new("--shape") { Description = $"Random weights of this shape instead: {BenchShape.Names}", DefaultValueFactory = _ => "lexi" };
    private static readonly Option<int> Layers = new("--layers") { Description = "Layers of the shape to take; 0: all" };
    private static readonly Option<int> WeightBits = new("--wbits") { Description = "Bits of random weights: 4 or 8", DefaultValueFactory = _ => 4 };
    private static readonly Option<int> ActivationBits = new("--abits") { Description = "Bits of activations with random weights: 4, 8 or 16", DefaultValueFactory = _ => 4 };
    private static readonly Option<bool> Calibrated = new("--calibrated") { Description = "With random weights: vectors behind the norms and biases, as GPTQ's full recipe leaves them" };
    private static readonly Option<int[]> Batch = new("--batch") { Description = "Sequences that decode together", DefaultValueFactory = _ => [1, 4, 8], AllowMultipleArgumentsPerToken = true };
    private static readonly Option<int> Context = new("--context") { Description = "Tokens that each sequence has at the last step of a timing of decode", DefaultValueFactory = _ => 128 };
    private static readonly Option<int> Prompt = new("--prompt") { Description = "Tokens of the prompt to prefill; 0: none", DefaultValueFactory = _ => 512 };
    private static readonly Option<int> Repeats = new("--repeats") { Description = "Timings to take the median of (a timing of decode is 16 steps)", DefaultValueFactory = _ => 5 };
    private static readonly Option<int> Threads = new("--threads") { Description = "Threads; 0: one for each processor" };
    private static readonly Option<FileInfo?> Json = new("--json") { Description = "Write the figures to this file too" };
    private static readonly Option<bool> Profile = new("--profile") { Description = "Show the time of each op" };

    public static Command Create()
    {
        var command = new Command("bench", "Speed of prefill and decode, and its share of what the machine can do")
        {
            Device, Model, Shape, Layers, WeightBits, ActivationBits, Calibrated, Batch, Context, Prompt, Repeats, Threads, Json, Profile,
        };
        command.SetAction((args, token) => Task.Run(() => Run(args, token), token));
        return command;
    }

    private static int Run(ParseResult args, CancellationToken cancellationToken)
    {
        Require(args);
        using Backend backend = Create(args);
        using var checkpoint = Open(args);
        var (batches, context, prompt, repeats) =
            (args.GetRequiredValue(Batch), args.GetValue(Context), args.GetValue(Prompt), args.GetValue(Repeats));
        var pages = Math.Max(KvLayout.PagesFor(prompt), batches.Max() * BenchRun.PagesFor(context));
        var isProfiled = args.GetValue(Profile);
        var profile = isProfiled && backend is CpuBackend ? new ProfiledBackend(backend) : null;
        var machine = backend is GpuBackend gpu ? BenchMachine.Of(gpu) : BenchMachine.Of((CpuBackend)backend);
        var loading = Stopwatch.StartNew();
        using var stage = StageLoader.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), (Backend?)profile ?? backend, pages);
        (stage as FusedStage)?.Wait();
        var report = new BenchReport(checkpoint.Config, stage, machine, loading.Elapsed.TotalSeconds);
        var run = new BenchRun(stage, checkpoint.Config.VocabSize, profile) { ProfileKernels = isProfiled };
        foreach (var batch in batches)
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.AddDecode(batch, context, run.Decode(batch, context, repeats));
        }

        report.DeviceBytes = UsedBytes(backend);
        if (prompt > 0)
            report.AddPrefill(prompt, run.Prefill(prompt, repeats));
        Print(report);
        if (args.GetValue(Json) is { } file)
            FiguresFile.Write(file, report);
        return 0;
    }

    private static Backend Create(ParseResult args) => BackendRegistry.Resolve(DeviceOption.Read(args, Device)).Name switch
    {
        "gpu" => GpuBackend.Create(),
        "cpu" => CpuBackend.Create(threads: args.GetValue(Threads) is > 0 and var count ? count : null),
        var other => throw new CommandException($"--device: '{other}' is not measured; there are cpu, gpu and auto"),
    };

    private static long UsedBytes(Backend backend) => backend is GpuBackend gpu ? gpu.Memory.Total - gpu.Memory.Free : 0;

    private static ICheckpoint Open(ParseResult args) => args.GetValue(Model) is { } folder
        ? Checkpoint.Open(folder.FullName)
        : new RandomCheckpoint(Cut(BenchShape.Find(args.GetRequiredValue(Shape)), args.GetValue(Layers)), new QuantizationConfig
        {
            WeightBits = args.GetValue(WeightBits),
            ActivationBits = args.GetValue(ActivationBits),
            NormBias = args.GetValue(Calibrated),
        });

    private static ModelConfig Cut(ModelConfig config, int layers) => layers == 0 ? config : config with { NumLayers = layers };

    private static void Require(ParseResult args)
    {
        if (args.GetValue(WeightBits) is not (4 or 8))
            throw new CommandException($"--wbits: is {args.GetValue(WeightBits)}; must be 4 or 8");
        if (args.GetValue(ActivationBits) is not (4 or 8 or 16))
            throw new CommandException($"--abits: is {args.GetValue(ActivationBits)}; must be 4, 8 or 16");
        OptionCheck.AtLeast(Repeats, args.GetValue(Repeats), 1);
        OptionCheck.AtLeast(Context, args.GetValue(Context), 0);
        OptionCheck.AtLeast(Prompt, args.GetValue(Prompt), 0);
        OptionCheck.AtLeast(Threads, args.GetValue(Threads), 0);
        OptionCheck.AtLeast(Layers, args.GetValue(Layers), 0);
        foreach (var batch in args.GetRequiredValue(Batch))
            OptionCheck.AtLeast(Batch, batch, 1);
    }

    private static void Print(BenchReport report)
    {
        Console.WriteLine(report.Machine);
        if (report.DeviceBytes > 0)
            Console.WriteLine($"{report.DeviceBytes / 1073741824.0:0.00} GiB of the GPU in use after decoding");
        Console.WriteLine($"weights {report.WeightBytes / 1e6:0.0} MB ({report.StepBytes / 1e6:0.0} MB read by a step), " +
            $"KV {report.KvBytesPerToken} bytes a token, loaded in {report.LoadSeconds:0.0} s");
        var table = new Table().AddColumns("phase", "batch", "tokens", "tokens/s", "ms", "best ms", "share");
        foreach (var row in report.Rows)
        {
            table.AddRow(row.Phase, $"{row.Batch}", $"{row.Tokens}", $"{row.TokensPerSecond:0.0}", $"{row.Milliseconds:0.00}",
                $"{row.BestMilliseconds:0.00}", $"{row.Share:0.00} of {row.Ceiling}");
        }

        Terminal.Out.Write(table);
        foreach (var row in report.Rows.Where(row => row.OpMilliseconds is not null))
        {
            var ops = row.OpMilliseconds!.OrderByDescending(op => op.Value).Select(op => $"{op.Key} {op.Value:0.000}");
            Console.WriteLine($"{row.Phase} {row.Batch} x {row.Tokens}, ms by op: {string.Join(", ", ops)}");
        }
    }
}
