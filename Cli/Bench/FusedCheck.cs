using QuaRot.Checkpoints;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Gpu.Fused;

namespace QuaRot.Cli.Bench;

/// <summary>A whole model through the fused kernels of this GPU and through the CPU: prefills and replayed decode steps, bit for bit.</summary>
internal static class FusedCheck
{
    private const int Pages = 40;

    private static readonly int[] Prompts = [1030, 600, 40];

    /// <summary>Null where every logit agrees; else what differs first.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="groupSize">Input features that share a weight scale; 0: a scale per channel.</param>
    /// <param name="headDim">64 or 128.</param>
    public static string? Run(GpuBackend gpu, int groupSize, int headDim)
    {
        var shape = BenchShape.Find("lexi") with { NumLayers = 2, HeadDim = headDim, VocabSize = 1000 };
        var quantization = new QuantizationConfig { GroupSize = groupSize, NormBias = groupSize > 0 };
        using var checkpoint = new RandomCheckpoint(shape, quantization);
        using var again = new RandomCheckpoint(shape, quantization);
        using var cpu = CpuBackend.Create();
        var layers = new LayerRange(0, shape.NumLayers);
        using var expected = ModelStage.Load(checkpoint, layers, cpu, Pages);
        using var actual = FusedStage.Load(again, layers, gpu, Pages);
        int[][] tables = [[.. Enumerable.Range(0, 17)], [.. Enumerable.Range(17, 10)], [.. Enumerable.Range(27, 2)]];
        for (var i = 0; i < Prompts.Length; i++)
        {
            var rows = Prompts[i];
            var batch = Batch([.. Enumerable.Range(0, rows)], new int[rows], [tables[i]]) with { OutputRows = [0, rows / 2, rows - 1] };
            if (Difference(expected, actual, batch) is { } difference)
                return $"prefill of {rows} tokens: {difference}";
        }

        for (var step = 0; step < 4; step++)
        {
            int[] positions = [.. Prompts.Select(length => length + step)];
            if (Difference(expected, actual, Batch(positions, [0, 1, 2], tables)) is { } difference)
                return $"decode step {step}: {difference}";
        }

        return null;
    }

    private static ForwardBatch Batch(int[] positions, int[] sequences, int[][] tables) => new()
    {
        TokenIds = [.. positions.Select(position => (position * 37) % 1000)],
        Positions = positions,
        SequenceOfRow = sequences,
        BlockTables = tables,
        OutputRows = [.. Enumerable.Range(0, positions.Length)],
    };

    private static string? Difference(ModelStage expected, FusedStage actual, ForwardBatch batch)
    {
        float[] a = Logits(expected, batch), b = Logits(actual, batch);
        for (var i = 0; i < a.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(a[i]) != BitConverter.SingleToInt32Bits(b[i]))
                return $"logit {i} is {b[i]:R}, the CPU has {a[i]:R}";
        }

        return null;
    }

    private static float[] Logits(IModelStage stage, ForwardBatch batch)
    {
        using var logits = stage.Forward(batch, null);
        var values = new float[logits.Rows * logits.Width];
        logits.CopyTo(values);
        return values;
    }
}
