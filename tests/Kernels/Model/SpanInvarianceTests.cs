using QuaRot.Checkpoints;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Chunks and decoding around position 512, where attention begins its second span.</summary>
public class SpanInvarianceTests
{
    private const int Length = 516;

    private static readonly int[] Ids = [.. Enumerable.Range(0, Length).Select(position => Lexi.Text[position % Lexi.Text.Length])];
    private static readonly int[] Table = [3, 8, 0, 7, 1, 6, 2, 5, 4];

    [Fact]
    public void Chunks_around_the_end_of_a_span_do_not_show()
    {
        using var backend = CpuBackend.Create(threads: 2);
        using var checkpoint = new TruncatedCheckpoint(Lexi.Quantized(new QuantizationConfig()), layers: 2);
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, 2), backend, Table.Length);
        var expected = Prefill(stage, [Length]);
        foreach (var chunks in (int[][])[[511, 1, 1, 1, 2], [512, 4], [513, 3], [500, 16], [64, 452]])
        {
            Prefill(stage, chunks).RequireEqual(expected, string.Join(", ", chunks));
        }
    }

    private static Trace Prefill(ModelStage stage, int[] chunks)
    {
        stage.Cache.Fill(0xFF);
        var logits = new List<float[]>();
        foreach (var chunk in chunks)
        {
            logits.AddRange(Sequences.Forward([stage], Sequences.Single(Ids.AsSpan(logits.Count, chunk), logits.Count, Table)));
        }

        return new Trace([.. logits], Trace.ReadKv([stage], Table, Length));
    }
}
