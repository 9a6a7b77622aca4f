using System.CommandLine;
using System.Diagnostics;
using QuaRot.Checkpoints.Synthesis;
using Spectre.Console;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot synth --shape NAME DIR</c>: a checkpoint of random weights in the shape of a known model.</summary>
internal static class SynthCommand
{
    private static readonly string Names = string.Join(", ", ModelShape.Known.Select(shape => shape.Name));

    private static readonly Argument<DirectoryInfo> Destination = new("DIR") { Description = "Folder to write; must not exist" };
    private static readonly Option<string> Shape = new("--shape") { Description = $"Model whose shape it has: {Names}", Required = true };
    private static readonly Option<int?> Layers = new("--layers") { Description = "Keep only so many decoder layers" };
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of the random weights" };
    private static readonly Option<bool> Force = new("--force") { Description = "Replace DIR if it exists" };

    public static Command Create()
    {
        var command = new Command("synth", "Write a Hugging Face checkpoint of random weights in the shape of a known model")
        {
            Destination, Shape, Layers, Seed, Force,
        };
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult args, CancellationToken cancellationToken)
    {
        var shape = Read(args);
        var folder = args.GetRequiredValue(Destination);
        var started = Stopwatch.StartNew();
        await Terminal.Out.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = new Bar(context.AddTask("synth"));
                await Task.Run(() => SyntheticCheckpoint.Write(
                    folder.FullName, shape, args.GetValue(Seed), args.GetValue(Force), bar, cancellationToken), cancellationToken);
            });
        var bytes = Directory.EnumerateFiles(folder.FullName).Sum(f => new FileInfo(f).Length);
        Console.WriteLine($"Wrote {folder}: {bytes / 1e6:0.0} MB in {started.Elapsed.TotalSeconds:0} s, the shape of {shape.Name} in {shape.DType} "
            + $"with {shape.Config.NumLayers} layers and random weights of seed {args.GetValue(Seed)}.");
        Console.WriteLine($"It answers with noise. Its tokenizer is a byte-level stand-in of {shape.Config.VocabSize} tokens.");
        return 0;
    }

    private static ModelShape Read(ParseResult args)
    {
        var name = args.GetRequiredValue(Shape);
        var shape = ModelShape.Known.FirstOrDefault(known => known.Name == name)
            ?? throw new CommandException($"--shape: there is no shape '{name}'; known: {Names}");
        return args.GetValue(Layers) switch
        {
            null => shape,
            var layers when layers >= 1 && layers <= shape.Config.NumLayers =>
                shape with { Config = shape.Config with { NumLayers = layers.Value } },
            var layers => throw new CommandException($"--layers: is {layers}; {name} has 1 to {shape.Config.NumLayers}"),
        };
    }

    private sealed class Bar(ProgressTask task) : IProgress<SynthesisProgress>
    {
        public void Report(SynthesisProgress value)
        {
            task.MaxValue = value.Files;
            task.Value = value.FilesDone;
            task.Description = $"file {value.FilesDone} of {value.Files}";
        }
    }
}
