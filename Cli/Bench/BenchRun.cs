using System.Diagnostics;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Gpu.Fused;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Cli.Bench;

/// <summary>Times a stage that holds a whole model: prefill of one prompt, decode steps of several sequences.</summary>
/// <remarks>On a GPU a run ends with sampled tokens on the host, of as many decode steps as the stage takes at once.</remarks>
internal sealed class BenchRun(IModelStage stage, int vocabulary, ProfiledBackend? profile)
{
    /// <summary>Decode steps of one timing, or a few less: as often as the stage takes so many at once.</summary>
    private const int Steps = 16;

    /// <summary>Whether a GPU's kernels are timed one by one.</summary>
    public bool ProfileKernels { get; init; }

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Pages that a decode measurement needs for each sequence.</summary>
    public static int PagesFor(int context) => KvLayout.PagesFor(Math.Max(context, Steps));

    /// <summary>Seconds of prefilling <paramref name="prompt"/> tokens in one batch, with the logits of the last.</summary>
    public BenchTiming Prefill(int prompt, int repeats)
    {
        var batch = Batch(sequences: 1, start: 0, prompt, KvLayout.PagesFor(prompt));
        return Time(repeats, 1, () => Forward(batch, steps: 1), batch);
    }

    /// <summary>Seconds of a decode step of <paramref name="sequences"/> sequences; the last step of a timing attends to <paramref name="context"/> tokens.</summary>
    public BenchTiming Decode(int sequences, int context, int repeats)
    {
        var atOnce = Math.Min(stage.StepsAtOnce, Steps);
        var (pages, steps) = (PagesFor(context), Steps / atOnce * atOnce);
        var first = Math.Max(0, context - steps);
        Fill(sequences, first, pages);

        // Made in advance: what a batch is put together from is not the stage's work.
        ForwardBatch[] batches = [.. Enumerable.Range(0, steps / atOnce).Select(i => Batch(sequences, first + (i * atOnce), 1, pages))];
        return Time(repeats, steps, () => Array.ForEach(batches, batch => Forward(batch, atOnce)), batches[^1]);
    }

    private BenchTiming Time(int repeats, int steps, Action body, ForwardBatch profiled)
    {
        // Until the compiler has put its best code in place, and the caches are full.
        var warm = Stopwatch.StartNew();
        do
        {
            body();
        }
        while (warm.Elapsed < WarmUp);
        profile?.Take();
        var seconds = new List<double>();
        for (var repeat = 0; repeat < repeats; repeat++)
        {
            var start = Stopwatch.GetTimestamp();
            body();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds / steps);
        }

        seconds.Sort();
        return new BenchTiming(seconds[seconds.Count / 2], seconds[0], Milliseconds(repeats * steps, profiled));
    }

    private IReadOnlyDictionary<string, double>? Milliseconds(int runs, ForwardBatch profiled) => stage is FusedStage fused && ProfileKernels
        ? fused.Profile(profiled)
        : profile?.Take().ToDictionary(op => op.Key, op => op.Value.TotalMilliseconds / runs);

    // In chunks, so that the workspace of a prefill does not count as memory of decoding.
    private void Fill(int sequences, int context, int pages)
    {
        const int Chunk = 128;
        for (var sequence = 0; sequence < sequences; sequence++)
        {
            int[] table = [.. Enumerable.Range(sequence * pages, pages)];
            for (var start = 0; start < context; start += Chunk)
            {
                var rows = Math.Min(Chunk, context - start);
                Forward(Batch(1, start, rows, pages) with { BlockTables = [table] }, steps: 1);
            }
        }
    }

    private void Forward(ForwardBatch batch, int steps)
    {
        SamplingRow[] sampling = [.. batch.OutputRows.Select(row => new SamplingRow { Position = batch.Positions[row] + 1 })];
        if (steps > 1)
        {
            stage.Decode(batch, sampling, steps);
            return;
        }

        using var logits = stage.Forward(batch, null);
        if (stage is FusedStage)
            stage.Sample(logits, sampling);
    }

    private ForwardBatch Batch(int sequences, int start, int tokens, int pages) => new()
    {
        TokenIds = [.. Enumerable.Range(0, sequences * tokens).Select(i => (int)((((long)i + start) * 7919) % vocabulary))],
        Positions = [.. Enumerable.Range(0, sequences * tokens).Select(i => start + (i % tokens))],
        SequenceOfRow = [.. Enumerable.Range(0, sequences * tokens).Select(i => i / tokens)],
        BlockTables = [.. Enumerable.Range(0, sequences).Select(s => Enumerable.Range(s * pages, pages).ToArray())],
        OutputRows = [.. Enumerable.Range(0, sequences).Select(s => ((s + 1) * tokens) - 1)],
    };
}
