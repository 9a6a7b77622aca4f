using QuaRot.Checkpoints;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using Xunit;

namespace QuaRot.Engine.Tests.Calibration;

/// <summary>The engine takes each site's clip from the config, by the model's layer, not the stage's.</summary>
public sealed class ActivationClipTests : IDisposable
{
    private static readonly float[][] Ratios = [[0.5f, 0.6f, 0.7f, 0.8f], [0.9f, 1f, 0.55f, 0.65f]];
    private readonly TinyModel _model = new();

    public ActivationClipTests() => CheckpointQuantizer.Run(_model.Source, _model.File("out"), new QuantizationConfig { ActivationClip = 0.75f });

    public void Dispose() => _model.Dispose();

    [Fact]
    public void StagesUseTheClipsOfTheirOwnLayers() => Assert.Equal(Logits(Ratios, split: false), Logits(Ratios, split: true));

    [Fact]
    public void EachSiteOfEachLayerMatters()
    {
        var before = Logits(Ratios, split: false);
        for (var layer = 0; layer < 2; layer++)
        {
            foreach (var site in Enum.GetValues<ActivationSite>())
            {
                float[][] changed = [.. Ratios.Select(ratios => ratios.ToArray())];
                changed[layer][(int)site] = 0.3f;
                Assert.NotEqual(before, Logits(changed, split: false));
            }
        }
    }

    [Fact]
    public void TheSameClipEverywhereIsTheOneNumber() =>
        Assert.Equal(Logits(null, split: false), Logits([[0.75f, 0.75f, 0.75f, 0.75f], [0.75f, 0.75f, 0.75f, 0.75f]], split: false));

    private float[] Logits(float[][]? clips, bool split)
    {
        using var checkpoint = new Clipped(Checkpoint.Open(_model.File("out")), clips is null ? null : new ActivationClips(clips));
        using var backend = CpuBackend.Create();
        const int Rows = 20;
        var batch = new ForwardBatch
        {
            TokenIds = [.. Enumerable.Range(7, Rows)],
            Positions = [.. Enumerable.Range(0, Rows)],
            SequenceOfRow = new int[Rows],
            BlockTables = [[0]],
            OutputRows = [Rows - 1],
        };
        LayerRange[] ranges = split ? [new(0, 1), new(1, 2)] : [new(0, 2)];
        Activations? activations = null;
        foreach (var range in ranges)
        {
            using var stage = ModelStage.Load(checkpoint, range, backend, pageCount: 1);
            var input = activations;
            activations = stage.Forward(batch, input);
            input?.Dispose();
        }

        var logits = new float[TinyModel.Config.VocabSize];
        activations!.CopyTo(logits);
        activations.Dispose();
        return logits;
    }

    private sealed class Clipped(ICheckpoint source, ActivationClips? clips) : ICheckpoint
    {
        public ModelConfig Config { get; } = source.Config with { Quantization = source.Config.Quantization! with { ActivationClips = clips } };

        public LinearWeights ReadEmbedding() => source.ReadEmbedding();

        public LayerWeights ReadLayer(int layer) => source.ReadLayer(layer);

        public HeadWeights ReadHead() => source.ReadHead();

        public void Dispose() => source.Dispose();
    }
}
