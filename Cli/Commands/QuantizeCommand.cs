using System.CommandLine;
using System.Diagnostics;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Kernels;
using Spectre.Console;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot quantize SRC DST</c>: the QuaRot transform, and round-to-nearest or GPTQ quantization.</summary>
internal static class QuantizeCommand
{
    private static readonly int[] AllowedGroups = [0, 64, 128, 256];

    private static readonly Argument<DirectoryInfo> Source = new("SRC") { Description = "Hugging Face checkpoint folder" };
    private static readonly Argument<DirectoryInfo> Destination = new("DST") { Description = "Folder to write; must not exist" };
    private static readonly Option<int> WeightBits = Bits("--wbits", "Bits of the weights");
    private static readonly Option<int> ActivationBits = Bits("--abits", "Bits of the activations");
    private static readonly Option<int> KeyBits = Bits("--kbits", "Bits of the cached keys");
    private static readonly Option<int> ValueBits = Bits("--vbits", "Bits of the cached values");
    private static readonly Option<int> GroupSize = Groups("--group-size", "Inputs that share a weight scale: 64, 128 or 256; 0: one scale per output channel");
    private static readonly Option<int> ActivationGroupSize = Groups("--activation-group-size", "Inputs of a token that share a scale: 64, 128 or 256; 0: one scale per token");
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of the random rotation" };
    private static readonly Option<bool> NoRotate = new("--no-rotate") { Description = "Quantize without rotation, for comparison" };
    private static readonly Option<bool> NoClipSearch = new("--no-clip-search") { Description = "Take each weight scale from the largest weight instead of searching it" };
    private static readonly Option<float> KvClip = new("--kv-clip") { Description = "Ratio by which the range of a cached head is clipped", DefaultValueFactory = _ => new QuantizationConfig().KvClip };
    private static readonly CalibrationArguments Calibration = new();
    private static readonly Option<bool> Force = new("--force") { Description = "Replace DST if it exists" };

    public static Command Create()
    {
        var command = new Command("quantize", "Rotate and quantize a Hugging Face checkpoint")
        {
            Source, Destination, WeightBits, ActivationBits, KeyBits, ValueBits, GroupSize, ActivationGroupSize, Seed, NoRotate, NoClipSearch, KvClip, Force,
        };
        Calibration.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult args, CancellationToken cancellationToken)
    {
        var source = args.GetRequiredValue(Source).FullName;
        var destination = args.GetRequiredValue(Destination).FullName;
        var options = new QuantizationConfig
        {
            WeightBits = args.GetValue(WeightBits),
            ActivationBits = args.GetValue(ActivationBits),
            KeyBits = args.GetValue(KeyBits),
            ValueBits = args.GetValue(ValueBits),
            GroupSize = args.GetValue(GroupSize),
            ActivationGroupSize = args.GetValue(ActivationGroupSize),
            Seed = args.GetValue(Seed),
            Rotate = !args.GetValue(NoRotate),
            WeightClipSearch = !args.GetValue(NoClipSearch),
            KvClip = args.GetValue(KvClip),
            ActivationClip = Calibration.ActivationClip(args),
            WeightMethod = Calibration.Method(args),
        };

        var started = Stopwatch.StartNew();
        await Progress((update, token) =>
        {
            using var calibrated = Calibration.Create(args, source);
            CheckpointQuantizer.Run(source, destination, options, args.GetValue(Force), update, token, calibrated);
        }, cancellationToken);
        var bytes = Directory.EnumerateFiles(destination).Sum(f => new FileInfo(f).Length);
        Console.WriteLine($"Wrote {args.GetRequiredValue(Destination)}: {bytes / 1e6:0.0} MB, " +
            $"W{options.WeightBits}A{options.ActivationBits}K{options.KeyBits}V{options.ValueBits}" +
            $", {(options.WeightMethod == WeightMethod.Gptq ? "GPTQ" : "RTN")}{(options.Rotate ? $", rotated with seed {options.Seed}" : ", not rotated")}.");
        foreach (var line in ComputePath.Slower(options))
            Console.WriteLine($"  {line}");
        using var process = Process.GetCurrentProcess();
        Console.WriteLine($"Took {started.Elapsed.TotalSeconds:0.0} s and at most {process.PeakWorkingSet64 / 1e6:0} MB of memory.");
        return 0;
    }

    private static Task Progress(Action<IProgress<QuantizeProgress>, CancellationToken> work, CancellationToken cancellationToken) =>
        Terminal.Out.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask("quantize");
                await Task.Run(() => work(new BarProgress(bar), cancellationToken), cancellationToken);
            });

    // What the engine's kernels take: a group holds whole vectors of codes.
    private static Option<int> Groups(string name, string description)
    {
        var option = new Option<int>(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var size) && !AllowedGroups.Contains(size))
                result.AddError($"{name}: is {size}; must be one of {string.Join(", ", AllowedGroups)}");
        });
        return option;
    }

    private static Option<int> Bits(string name, string description)
    {
        var option = new Option<int>(name) { Description = $"{description}: {string.Join(", ", IntegerRange.SupportedBits)}", DefaultValueFactory = _ => 4 };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var bits) && !IntegerRange.SupportedBits.Contains(bits))
                result.AddError($"{name}: is {bits}; must be one of {string.Join(", ", IntegerRange.SupportedBits)}");
        });
        return option;
    }

    // Reports on the quantizer's own thread, so that no update is lost or comes late.
    private sealed class BarProgress(ProgressTask bar) : IProgress<QuantizeProgress>
    {
        public void Report(QuantizeProgress value)
        {
            bar.MaxValue = value.Layers;
            bar.Value = value.LayersDone;
            bar.Description = value.Finished ? "done" : $"layer {value.LayersDone} of {value.Layers}";
        }
    }
}
