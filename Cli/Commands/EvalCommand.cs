using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Perplexity;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Engine.Evaluation;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;
using Spectre.Console;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot eval MODEL --text FILE</c>: perplexity over non-overlapping windows.</summary>
internal static class EvalCommand
{
    private static readonly Argument<DirectoryInfo> Model = new("MODEL") { Description = "Checkpoint folder, quantized or not" };
    private static readonly Option<FileInfo> Text = new("--text") { Description = "UTF-8 text to measure on", Required = true };
    private static readonly Option<int> Window = new("--window") { Description = "Tokens of a window", DefaultValueFactory = _ => 1024 };
    private static readonly Option<int> Windows = new("--windows") { Description = "Most windows to take", DefaultValueFactory = _ => 39 };
    private static readonly Option<string> Device = DeviceOption.Create();
    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON instead of a table" };

    public static Command Create()
    {
        var command = new Command("eval", "Perplexity of a model on a text") { Model, Text, Window, Windows, Device, Json };
        command.SetAction((args, token) => Task.Run(() => Run(args, token), token));
        return command;
    }

    private static int Run(ParseResult args, CancellationToken cancellationToken)
    {
        var folder = args.GetRequiredValue(Model).FullName;
        var file = args.GetRequiredValue(Text);
        if (!file.Exists)
            throw new CommandException($"{file}: there is no such file");
        using var checkpoint = Checkpoint.Open(folder);
        var tokenizer = Tokenizer.Load(folder);
        var tokens = tokenizer.Encode(File.ReadAllText(file.FullName), addBos: tokenizer.BosTokenId is not null, parseSpecial: false);
        var started = Stopwatch.StartNew();
        var result = Measure(checkpoint, tokens, args, cancellationToken);
        Print(args, checkpoint.Config, file, result, started.Elapsed);
        return 0;
    }

    private static PerplexityResult Measure(ICheckpoint checkpoint, int[] tokens, ParseResult args, CancellationToken cancellationToken)
    {
        var protocol = new PerplexityProtocol { WindowTokens = args.GetValue(Window), MaxWindows = args.GetValue(Windows) };
        var windows = protocol.Cut(tokens).Count;
        var layers = new LayerRange(0, checkpoint.Config.NumLayers);
        var pages = KvLayout.PagesFor(protocol.WindowTokens);
        using var backend = BackendRegistry.Create(DeviceOption.Read(args, Device));
        using var stage = StageLoader.Load(checkpoint, layers, backend, pages);
        var scorer = new WindowScorer(stage);
        var quiet = args.GetValue(Json) || Console.IsErrorRedirected;
        var done = 0;
        return protocol.Run(tokens, window =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!quiet)
                Console.Error.Write($"\rwindow {++done} of {windows} ");
            return scorer.NegativeLogLikelihoods(window);
        });
    }

    private static void Print(ParseResult args, ModelConfig config, FileInfo file, PerplexityResult result, TimeSpan elapsed)
    {
        var q = config.Quantization;
        var protocol = $"begin-of-text + text, {result.WindowNlls.Count} non-overlapping windows of {args.GetValue(Window)} tokens, " +
            $"{result.Predictions} predictions, mean over them";
        if (args.GetValue(Json))
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                model = args.GetRequiredValue(Model).ToString(),
                text = file.Name,
                protocol,
                perplexity = result.Perplexity,
                mean_nll = result.MeanNll,
                windows = result.WindowNlls.Count,
                predictions = result.Predictions,
                weight_bits = q?.WeightBits ?? 16,
                activation_bits = q?.ActivationBits ?? 16,
                key_bits = q?.KeyBits ?? 16,
                value_bits = q?.ValueBits ?? 16,
                group_size = q?.GroupSize ?? 0,
                rotate = q?.Rotate ?? false,
                weight_clip_search = q?.WeightClipSearch ?? false,
                seed = q?.Seed ?? 0,
                seconds = elapsed.TotalSeconds,
            }));
            return;
        }

        Console.Error.WriteLine();
        Console.WriteLine($"Protocol: {protocol}");
        var table = new Table().AddColumns("model", "bits W/A/K/V", "rotated", "perplexity", "nats", "seconds");
        table.AddRow(
            Markup.Escape(args.GetRequiredValue(Model).Name),
            q is null ? "16/16/16/16" : $"{q.WeightBits}/{q.ActivationBits}/{q.KeyBits}/{q.ValueBits}",
            q?.Rotate == true ? "yes" : "no",
            $"{result.Perplexity:0.000}", $"{result.MeanNll:0.00000}", $"{elapsed.TotalSeconds:0.0}");
        Terminal.Out.Write(table);
    }
}
