using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Gpu.Fused;
using QuaRot.Kernels.Sampling;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>The fused stage against the CPU where short texts do not reach: several spans of attention, graphs, and every kind of GEMM.</summary>
[Trait("device", "gpu")]
public class GpuFusedStageTests
{
    private const int Pages = 104;

    [Theory]
    [InlineData(4, 4, 0)]
    [InlineData(4, 4, 0, true)]
    [InlineData(8, 4, 128)]
    [InlineData(4, 8, 128)]
    public void Long_contexts_and_replayed_graphs_give_what_the_CPU_gives(int activationBits, int kvBits, int groupSize, bool centred = false)
    {
        var gpu = SharedGpu.Require();
        var quantization = new QuantizationConfig { ActivationBits = activationBits, KeyBits = kvBits, ValueBits = kvBits, GroupSize = groupSize };
        using var checkpoint = new CachedCheckpoint(centred ? new CentredCheckpoint(Lexi.Quantized(quantization)) : Lexi.Quantized(quantization));
        using var cpu = CpuBackend.Create();
        var layers = new LayerRange(0, 6);
        using var expected = ModelStage.Load(checkpoint, layers, cpu, Pages);
        using var actual = FusedStage.Load(checkpoint, layers, gpu, Pages);

        // Lengths around the span of 512 positions; the prefill of 1021 rows takes wide tiles, that of 120 narrow ones, that of 30 mma.sync.
        int[] lengths = [1021, 509, 120, 30, 1, 63];
        var tables = Tables(lengths.Length, pages: 17);
        for (var i = 0; i < lengths.Length; i++)
        {
            Compare(Sequences.Single(Ids(lengths[i], i), 0, tables[i]) with { OutputRows = [0, lengths[i] - 1] }, $"prefill of {lengths[i]}");
        }

        for (var step = 0; step < 6; step++)
        {
            Compare(Step(lengths, step, tables, count: 6), $"step {step} of six");
            Compare(Step([.. lengths.Select(length => length + 6)], step, tables, count: 1), $"step {step} of one");
        }

        void Compare(ForwardBatch batch, string what)
        {
            var (a, b) = (Sequences.Forward([expected], batch), Sequences.Forward([actual], batch));
            for (var row = 0; row < a.Length; row++)
            {
                Assert.True(a[row].Select(BitConverter.SingleToInt32Bits).SequenceEqual(b[row].Select(BitConverter.SingleToInt32Bits)), $"{what}: row {row}");
            }
        }
    }

    [Fact]
    public void Forty_and_twelve_sequences_step_together()
    {
        var gpu = SharedGpu.Require();
        using var checkpoint = new CachedCheckpoint(Lexi.Quantized(new QuantizationConfig()));
        using var cpu = CpuBackend.Create();
        using var expected = ModelStage.Load(checkpoint, new LayerRange(0, 6), cpu, Pages);
        using var actual = FusedStage.Load(checkpoint, new LayerRange(0, 6), gpu, Pages);
        var tables = Tables(40, pages: 2);
        for (var step = 0; step < 70; step++)
        {
            var batch = Step(new int[40], step, tables, count: step % 3 == 0 ? 12 : 40);
            var (a, b) = (Sequences.Forward([expected], batch), Sequences.Forward([actual], batch));
            Assert.Equal(a.Select(row => row[17]), b.Select(row => row[17]));
            Assert.Equal(a.Select(row => row.Max()), b.Select(row => row.Max()));
        }
    }

    [Theory]
    [InlineData(6)]
    [InlineData(2)]
    public void Several_steps_at_once_give_the_tokens_of_single_ones(int firstLayers)
    {
        var gpu = SharedGpu.Require();
        using var checkpoint = new CachedCheckpoint(Lexi.Quantized(new QuantizationConfig()));
        using var cpu = CpuBackend.Create();
        using var alone = ModelStage.Load(checkpoint, new LayerRange(0, 6), cpu, Pages);
        using var fused = FusedStage.Load(checkpoint, new LayerRange(0, firstLayers), gpu, Pages);
        using var second = firstLayers < 6 ? FusedStage.Load(checkpoint, new LayerRange(firstLayers, 6), gpu, Pages) : null;
        FusedStage[] following = second is null ? [] : [second];
        // The second crosses into another span of attention and another page on the way.
        int[] lengths = [61, 507, 1];
        var tables = Tables(lengths.Length, pages: 9);
        float[] temperatures = [0f, 0.9f, 1.3f];
        for (var i = 0; i < lengths.Length; i++)
        {
            var prompt = Sequences.Single(Ids(lengths[i], i), 0, tables[i]) with { OutputRows = [] };
            alone.Forward(prompt, null).Dispose();
            using var x = fused.Forward(prompt, null);
            second?.Forward(prompt, x).Dispose();
        }

        for (var (ahead, count) = (0, 3); count > 0; ahead += 8, count--)
        {
            var batch = Step(lengths, ahead, tables, count);
            var rows = Enumerable.Range(0, count).Select(i =>
                new SamplingRow { Position = lengths[i] + ahead + 1, Seed = (ulong)i, Temperature = temperatures[i], TopP = 0.95f }).ToArray();
            var expected = ((IModelStage)alone).Decode(batch, rows, 8);
            var tokens = fused.Decode(batch, rows, 8, following);
            Assert.Equal(8, tokens.Length);
            Assert.Equal(expected.Select(step => step.Select(token => token.TokenId)), tokens.Select(step => step.Select(token => token.TokenId)));
        }
    }

    [Fact]
    public void Two_gpus_hand_over_with_several_batches_under_way()
    {
        var gpu = SharedGpu.Require();
        Assert.SkipWhen(GpuInventory.Find().Count < 2, "needs two GPUs");
        using var other = GpuBackend.Create(ordinal: 1);
        using var checkpoint = new CachedCheckpoint(new TruncatedCheckpoint(Lexi.Quantized(new QuantizationConfig()), 2));
        using var cpu = CpuBackend.Create();
        using var alone = ModelStage.Load(checkpoint, new LayerRange(0, 2), cpu, Pages);
        using var first = FusedStage.Load(checkpoint, new LayerRange(0, 1), gpu, Pages);
        using var second = FusedStage.Load(checkpoint, new LayerRange(1, 2), other, Pages);
        var tables = Tables(3, pages: 2);
        for (var step = 0; step < 6; step++)
        {
            // The first stage is ahead of the second: buffers go back while another GPU may still have to read them.
            var batches = Enumerable.Range(0, 3).Select(i => Sequences.Single(Ids(5, step + i), 5 * step, tables[i]) with { OutputRows = [4] }).ToArray();
            var handed = batches.Select(batch => first.Forward(batch, null)).ToArray();
            for (var i = 0; i < batches.Length; i++)
            {
                using var x = handed[i];
                using var logits = second.Forward(batches[i], x);
                var values = new float[logits.Width];
                logits.CopyTo(values);
                Assert.Equal(Assert.Single(Sequences.Forward([alone], batches[i])), values);
            }
        }

        var next = Step([30], 0, tables, 1);
        var rows = new[] { new SamplingRow { Position = 31 } };
        var expected = ((IModelStage)alone).Decode(next, rows, 1);
        Assert.Equal(expected[0][0].TokenId, Assert.Single(first.Decode(next, rows, 8, second))[0].TokenId);
    }

    [Fact]
    public void Activation_clips_are_those_of_the_models_layers()
    {
        var gpu = SharedGpu.Require();
        var clips = new ActivationClips(Enumerable.Range(0, 6).Select(layer =>
            Enumerable.Range(0, ActivationClips.Sites).Select(site => 1 - (0.02f * ((layer * ActivationClips.Sites) + site))).ToArray()));
        using var checkpoint = new CachedCheckpoint(Lexi.Quantized(new QuantizationConfig { ActivationClips = clips }));
        using var cpu = CpuBackend.Create();
        using var expected = ModelStage.Load(checkpoint, new LayerRange(0, 6), cpu, pageCount: 1);
        using var first = FusedStage.Load(checkpoint, new LayerRange(0, 2), gpu, pageCount: 1);
        using var second = FusedStage.Load(checkpoint, new LayerRange(2, 6), gpu, pageCount: 1);
        var batch = Sequences.Single(Ids(20, 1), 0, [0]) with { OutputRows = [0, 19] };
        Assert.Equal(Sequences.Forward([expected], batch), Sequences.Forward([first, second], batch));
    }

    [Fact]
    public void Models_it_does_not_take_are_refused_with_the_reason()
    {
        using var plain = Lexi.Plain();
        Assert.Contains("not quantized", FusedStage.WhyNot(plain.Config));
        var config = plain.Config with { Quantization = new QuantizationConfig() };
        Assert.Null(FusedStage.WhyNot(config));
        Assert.Contains("W8A8K4V4", FusedStage.WhyNot(config with { Quantization = new QuantizationConfig { WeightBits = 8, ActivationBits = 8 } }));
        Assert.Contains("not rotated", FusedStage.WhyNot(config with { Quantization = new QuantizationConfig { Rotate = false } }));
        Assert.Contains("groups of 64", FusedStage.WhyNot(config with { Quantization = new QuantizationConfig { GroupSize = 64 } }));
        Assert.Contains("heads of 80", FusedStage.WhyNot(config with { HeadDim = 80 }));
    }

    private static int[][] Tables(int count, int pages)
    {
        int[] ids = [.. Enumerable.Range(0, Math.Min(Pages, count * pages))];
        new Random(5).Shuffle(ids);

        // Some share what is left when there are more than fit: only the first ones use it.
        return [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, pages).Select(p => ids[((i * pages) + p) % ids.Length]).ToArray())];
    }

    private static int[] Ids(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(3, 8000))];
    }

    private static ForwardBatch Step(int[] lengths, int step, int[][] tables, int count) => new()
    {
        TokenIds = Ids(count, 100 + step),
        Positions = [.. lengths[..count].Select(length => length + step)],
        SequenceOfRow = [.. Enumerable.Range(0, count)],
        BlockTables = tables[..count],
        OutputRows = [.. Enumerable.Range(0, count)],
    };
}
