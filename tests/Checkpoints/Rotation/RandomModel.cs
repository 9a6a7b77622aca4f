using QuaRot.Checkpoints.Tests.Quantization;

namespace QuaRot.Checkpoints.Tests.Rotation;

/// <summary>A tiny Llama with random weights, norm gains and every bias that an architecture may have, in memory.</summary>
internal sealed class RandomModel : ICheckpoint
{
    private readonly int _seed;

    public RandomModel(int hidden, int intermediate, int heads, int kvHeads, int headDim, int seed)
    {
        _seed = seed;
        Config = new ModelConfig
        {
            Architecture = "LlamaForCausalLM",
            HiddenSize = hidden,
            IntermediateSize = intermediate,
            NumLayers = 2,
            NumHeads = heads,
            NumKvHeads = kvHeads,
            HeadDim = headDim,
            VocabSize = 19,
            RmsNormEps = 1e-5f,
            RopeTheta = 10000,
            MaxPositions = 64,
            TieWordEmbeddings = true,
            QkvBias = true,
            AttentionOutputBias = true,
            MlpBias = true,
        };
    }

    public ModelConfig Config { get; init; }

    public LinearWeights ReadEmbedding() => Matrix("embed", Config.VocabSize, Config.HiddenSize, 0);

    public LayerWeights ReadLayer(int layer)
    {
        int at = 100 * (layer + 1);
        int queries = Config.NumHeads * Config.HeadDim;
        int keys = Config.NumKvHeads * Config.HeadDim;
        return new LayerWeights
        {
            InputNorm = Vector(Config.HiddenSize, at),
            PostAttentionNorm = Vector(Config.HiddenSize, at + 1),
            Q = Matrix("q", queries, Config.HiddenSize, at + 2) with { Bias = Vector(queries, at + 9) },
            K = Matrix("k", keys, Config.HiddenSize, at + 3) with { Bias = Vector(keys, at + 10) },
            V = Matrix("v", keys, Config.HiddenSize, at + 4) with { Bias = Vector(keys, at + 11) },
            O = Matrix("o", Config.HiddenSize, queries, at + 5) with { Bias = Vector(Config.HiddenSize, at + 12) },
            Gate = Matrix("gate", Config.IntermediateSize, Config.HiddenSize, at + 6) with { Bias = Vector(Config.IntermediateSize, at + 13) },
            Up = Matrix("up", Config.IntermediateSize, Config.HiddenSize, at + 7) with { Bias = Vector(Config.IntermediateSize, at + 14) },
            Down = Matrix("down", Config.HiddenSize, Config.IntermediateSize, at + 8) with { Bias = Vector(Config.HiddenSize, at + 15) },
        };
    }

    public HeadWeights ReadHead() => new()
    {
        FinalNorm = Vector(Config.HiddenSize, 1),
        LmHead = Config.TieWordEmbeddings ? ReadEmbedding() : Matrix("head", Config.VocabSize, Config.HiddenSize, 2),
    };

    public void Dispose()
    {
    }

    private LinearWeights Matrix(string name, int rows, int columns, int index) =>
        TestWeights.Random(name, rows, columns, (_seed * 1000) + index, deviation: 0.4f);

    /// <summary>Gains far from 1, so that a gain that is fused into the wrong place shows.</summary>
    private float[] Vector(int length, int index)
    {
        var random = new Random((_seed * 1000) + index);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(0.3 + (1.7 * random.NextDouble())))];
    }
}
