using QuaRot.Checkpoints;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Sampling;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

public sealed class ModelStageTests : IDisposable
{
    private readonly CpuBackend _backend = CpuBackend.Create(threads: 1);
    private readonly ICheckpoint _checkpoint = Lexi.Plain();

    [Theory]
    [InlineData(-1, 2)]
    [InlineData(3, 3)]
    [InlineData(0, 7)]
    public void A_range_that_the_model_does_not_have_is_refused(int start, int end)
    {
        var error = Assert.Throws<ArgumentException>(() => Load(start, end));
        Assert.StartsWith($"layers {start} to {end} of a model with 6", error.Message);
    }

    [Fact]
    public void A_stage_reads_only_what_belongs_to_it()
    {
        var log = new ReadLog(_checkpoint);
        ModelStage.Load(log, new LayerRange(0, 2), _backend, 1).Dispose();
        ModelStage.Load(log, new LayerRange(2, 3), _backend, 1).Dispose();
        ModelStage.Load(log, new LayerRange(3, 6), _backend, 1).Dispose();
        Assert.Equal(["embedding", "0", "1", "2", "3", "4", "5", "head"], log.Reads);
    }

    [Fact]
    public void First_and_last_hand_over_the_residual_stream()
    {
        using var first = Load(0, 3);
        using var last = Load(3, 6);
        Assert.True(first.IsFirst && !first.IsLast && !last.IsFirst && last.IsLast);
        var batch = Sequences.Single([0, 439], 0, [0]);
        using var x = first.Forward(batch, null);
        Assert.Equal((2, 512), (x.Rows, x.Width));
        var values = new float[2 * 512];
        x.CopyTo(values);
        using var imported = last.Import(values, 2);
        using var expected = (HostActivations)last.Forward(batch, x);
        using var actual = (HostActivations)last.Forward(batch, imported);
        Assert.Equal(expected.Values, actual.Values);
        var wrong = Assert.Throws<ArgumentException>(() => last.Forward(batch, null));
        Assert.StartsWith("the stage of layers 3 to 6 needs activations [2, 512], got none", wrong.Message);
    }

    [Fact]
    public void Greedy_sampling_takes_the_largest_logit()
    {
        using var stage = Load(0, 6);
        using var logits = (HostActivations)stage.Forward(Sequences.Single([0, 439, 2208], 0, [0]) with { OutputRows = [2] }, null);
        var sampled = stage.Sample(logits, [new SamplingRow { Position = 3 }]);
        Assert.Equal(Sequences.ArgMax(logits.Row(0).ToArray()), Assert.Single(sampled).TokenId);
        var error = Assert.Throws<ArgumentException>(() => stage.Sample(logits, []));
        Assert.StartsWith("[1, 8192] are not logits of 0 rows and 8192 tokens", error.Message);
    }

    [Fact]
    public void Numerics_id_tells_backend_architecture_and_checkpoint_apart()
    {
        using var a = Load(0, 1);
        using var b = Load(1, 2);
        Assert.Equal(a.NumericsId, b.NumericsId);
        Assert.StartsWith("cpu/v2/LlamaForCausalLM/", a.NumericsId);
        using var quantized = ModelStage.Load(Lexi.Quantized(new QuantizationConfig { Rotate = false }), new LayerRange(0, 1), _backend, 1);
        Assert.NotEqual(a.NumericsId, quantized.NumericsId);
        using var named = ModelStage.Load(_checkpoint, new LayerRange(0, 1), _backend, 1, "abc");
        Assert.EndsWith("/abc", named.NumericsId);
    }

    [Fact]
    public void A_bad_batch_is_refused_before_anything_is_written()
    {
        using var stage = Load(0, 6);
        var good = Sequences.Single([5], 0, [0]);
        Refuse(good with { TokenIds = [8192] }, "row 0: token id 8192 is outside the vocabulary of 8192");
        Refuse(good with { Positions = [64] }, "row 0: position 64 is outside the context of 64");
        Refuse(good with { Positions = [] }, "1 token ids, 0 positions and 1 sequences of rows");
        Refuse(good with { SequenceOfRow = [1] }, "row 0: sequence 1 of 1");
        Refuse(Sequences.Single([5, 6], 0, [0]) with { Positions = [1, 1] }, "row 1: position 1 of sequence 0 follows position 1");
        Refuse(good with { BlockTables = [[]] }, "row 0: position 0 needs 1 pages, sequence 0 has 0");
        Refuse(good with { BlockTables = [[1]] }, "page 1 of 1");
        Refuse(good with { OutputRows = [1] }, "output row 1 of 1");

        void Refuse(ForwardBatch batch, string problem) =>
            Assert.Equal($"forward batch: {problem}", Assert.Throws<ArgumentException>(() => stage.Forward(batch, null)).Message);
    }

    public void Dispose()
    {
        _checkpoint.Dispose();
        _backend.Dispose();
    }

    private ModelStage Load(int start, int end) => ModelStage.Load(_checkpoint, new LayerRange(start, end), _backend, pageCount: 1);

    private sealed class ReadLog(ICheckpoint source) : ICheckpoint
    {
        public List<string> Reads { get; } = [];

        public ModelConfig Config => source.Config;

        public LinearWeights ReadEmbedding()
        {
            Reads.Add("embedding");
            return source.ReadEmbedding();
        }

        public LayerWeights ReadLayer(int layer)
        {
            Reads.Add(layer.ToString());
            return source.ReadLayer(layer);
        }

        public HeadWeights ReadHead()
        {
            Reads.Add("head");
            return source.ReadHead();
        }

        public void Dispose()
        {
            // The source is its opener's.
        }
    }
}
