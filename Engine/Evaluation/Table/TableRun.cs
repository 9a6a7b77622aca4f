using System.Diagnostics;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;

namespace QuaRot.Engine.Evaluation.Table;

/// <summary>Quantizes a model in one format after the other and measures each in the engine.</summary>
/// <remarks>
/// One quantized model lies on the disk at a time, in a folder that is gone when <see cref="Run"/> returns, in whatever way. The float
/// model is run once: its logits of the compared windows stay in a file there (windows · tokens · vocabulary · 4 bytes).
/// </remarks>
/// <param name="model">Folder of the float model.</param>
/// <param name="tokens">Token ids of the text, begin-of-text first where the model has one.</param>
/// <param name="backend">Computes; stays the caller's.</param>
/// <param name="quantize">Makes the model of a row.</param>
/// <param name="options">How to measure.</param>
public sealed class TableRun(string model, int[] tokens, Backend backend, RowQuantizer quantize, TableOptions options)
{
    /// <summary>Told what is being done: "INT4, seed 0: window 3 of 39".</summary>
    public Action<string>? Progress { get; init; }

    /// <summary>Measures the float model, then the rows, each handed out when it is done.</summary>
    /// <exception cref="CheckpointException">The model is broken, or quantized already.</exception>
    /// <exception cref="ArgumentException">The text is too short.</exception>
    public IEnumerable<RowResult> Run(IReadOnlyList<TableRow> rows, CancellationToken cancellation)
    {
        using var source = HuggingFaceCheckpoint.Open(model);
        options.Protocol.Cut(tokens);
        Directory.CreateDirectory(options.WorkFolder);
        var folder = Directory.CreateDirectory(Path.Combine(options.WorkFolder, $"quarot-table-{Guid.NewGuid():n}")).FullName;
        try
        {
            using var reference = new RecordedLogits(Path.Combine(folder, "logits"));
            yield return Reference(source, reference, cancellation);
            foreach (var row in rows)
                yield return Measure(row, folder, reference, cancellation);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private RowResult Reference(HuggingFaceCheckpoint source, RecordedLogits recorded, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        var figures = Measure(source, logits => new QualityMeter(new Recorder(logits, recorded, options.ComparedWindows)), "float model", 0, cancellation);
        return new RowResult(null, [figures], Stopwatch.GetElapsedTime(started));
    }

    private RowResult Measure(TableRow row, string folder, RecordedLogits reference, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        var destination = Path.Combine(folder, "model");
        var figures = new List<RowFigures>();
        foreach (var seed in row.IsSeeded ? options.Seeds : [0UL])
        {
            var what = row.IsSeeded ? $"{row.Id}, seed {seed}" : row.Id;
            Progress?.Invoke($"{what}: quantizing");
            try
            {
                quantize(model, destination, row.Options with { Seed = seed, WeightClipSearch = options.WeightClipSearch }, row.Method, cancellation);
            }
            catch (CheckpointException e)
            {
                // The model itself was fine a moment ago, so this format does not suit it: the row says so, the others go on.
                return new RowResult(row, [], Stopwatch.GetElapsedTime(started), e.Message);
            }

            try
            {
                using var quantized = Checkpoint.Open(destination);
                figures.Add(Measure(quantized, logits => new QualityMeter(logits, reference, reference.Windows), what, seed, cancellation));
            }
            finally
            {
                Directory.Delete(destination, recursive: true);
            }
        }

        return new RowResult(row, figures, Stopwatch.GetElapsedTime(started));
    }

    private RowFigures Measure(ICheckpoint checkpoint, Func<StageLogits, QualityMeter> meter, string what, ulong seed, CancellationToken cancellation)
    {
        var windows = options.Protocol.Cut(tokens).Count;
        Progress?.Invoke($"{what}: loading");
        using var stage = StageLoader.Load(
            checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, KvLayout.PagesFor(options.Protocol.WindowTokens));
        var result = meter(new StageLogits(stage)).Run(
            options.Protocol, tokens, done => Progress?.Invoke($"{what}: window {done} of {windows}"), cancellation);
        return new RowFigures(seed, result.Perplexity.Perplexity, result.Perplexity.MeanNll, result.Agreement);
    }

    /// <summary>Records the first windows as they are measured.</summary>
    private sealed class Recorder(StageLogits logits, RecordedLogits recorded, int windows) : ILogitSource
    {
        public IEnumerable<LogitChunk> Walk(int index, int[] window) =>
            index < windows ? recorded.Record(logits.Walk(index, window)) : logits.Walk(index, window);
    }
}
