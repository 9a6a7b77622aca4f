using QuaRot.Checkpoints;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>A decode step leaves nothing to the garbage collector but the handle of what it returns.</summary>
public class AllocationTests
{
    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 4)]
    [InlineData(3, 8)]
    [InlineData(2, 16)]
    public void A_decode_step_allocates_what_it_hands_out_and_nothing_else(int threads, int bits)
    {
        using var backend = CpuBackend.Create(threads: threads);
        using var checkpoint = new TruncatedCheckpoint(
            Lexi.Quantized(new QuantizationConfig { WeightBits = bits == 8 ? 8 : 4, ActivationBits = bits }), layers: 2);
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, 2), backend, pageCount: 3);
        ForwardBatch[] steps = [.. Enumerable.Range(0, 96).Select(Step)];
        foreach (var step in steps)
        {
            stage.Forward(step, null).Dispose();
        }

        new HostActivations(1, 1).Dispose();
        var handle = Allocated(() => new HostActivations(1, 1).Dispose());
        Assert.True(handle > 0);
        foreach (var step in steps)
        {
            // The least of three: now and then the runtime itself allocates, when it replaces code that runs hot.
            Assert.Equal(handle, Enumerable.Range(0, 3).Min(_ => Allocated(() => stage.Forward(step, null).Dispose())));
        }
    }

    /// <summary>Two sequences side by side, of which both give logits.</summary>
    private static ForwardBatch Step(int position) => new()
    {
        TokenIds = [5, 6],
        Positions = [position, position % 64],
        SequenceOfRow = [0, 1],
        BlockTables = [[0, 1], [2]],
        OutputRows = [0, 1],
    };

    /// <summary>Bytes on this thread: the workers run nothing but items, and items have no way to allocate that the caller lacks.</summary>
    private static long Allocated(Action run)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        run();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
