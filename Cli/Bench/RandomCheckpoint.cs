using System.Runtime.InteropServices;
using QuaRot.Checkpoints;

namespace QuaRot.Cli.Bench;

/// <summary>A quantized model of a given shape whose weights are random, made in memory as they are read.</summary>
internal sealed class RandomCheckpoint : ICheckpoint
{
    private readonly Random _random = new(1);
    private readonly byte[] _codes;

    public RandomCheckpoint(ModelConfig shape, QuantizationConfig quantization)
    {
        Config = shape with { Quantization = quantization };
        _codes = new byte[(long)shape.HiddenSize * Math.Max(shape.IntermediateSize, shape.NumHeads * shape.HeadDim)];
        _random.NextBytes(_codes);
    }

    public ModelConfig Config { get; }

    public LinearWeights ReadEmbedding() => Float("embedding", Config.VocabSize);

    public HeadWeights ReadHead() => new() { LmHead = Float("lm_head", Config.VocabSize) };

    public LayerWeights ReadLayer(int layer)
    {
        var (hidden, wide) = (Config.HiddenSize, Config.IntermediateSize);
        var (query, kv) = (Config.NumHeads * Config.HeadDim, Config.NumKvHeads * Config.HeadDim);
        return new()
        {
            InputNormBias = NormBias(),
            PostAttentionNormBias = NormBias(),
            Q = Integer("q", query, hidden),
            K = Integer("k", kv, hidden),
            V = Integer("v", kv, hidden),
            O = Integer("o", hidden, query),
            Gate = Integer("gate", wide, hidden),
            Up = Integer("up", wide, hidden),
            Down = Integer("down", hidden, wide),
        };
    }

    public void Dispose()
    {
        // Managed memory only.
    }

    /// <summary>Half as large as what it is added to.</summary>
    private float[]? NormBias() => Config.Quantization!.NormBias ? Vector(Config.HiddenSize) : null;

    private float[] Vector(int length) => [.. Enumerable.Range(0, length).Select(_ => _random.NextSingle() - 0.5f)];

    /// <summary>Scales keep the residual stream near 1, whatever the number of columns.</summary>
    private LinearWeights Integer(string name, int outFeatures, int inFeatures)
    {
        var quantization = Config.Quantization!;
        var isInt4 = quantization.WeightBits <= 4;
        var scales = new float[outFeatures * (quantization.GroupSize == 0 ? 1 : inFeatures / quantization.GroupSize)];
        Array.Fill(scales, 1 / (MathF.Sqrt(inFeatures) * (isInt4 ? 5 : 74)));
        var bytes = outFeatures * inFeatures / (isInt4 ? 2 : 1);
        return new()
        {
            Name = name,
            OutFeatures = outFeatures,
            InFeatures = inFeatures,
            Format = isInt4 ? WeightFormat.Int4 : WeightFormat.Int8,
            Data = _codes.AsMemory(0, bytes),
            Scales = scales,
            GroupSize = quantization.GroupSize,
            Bias = quantization.NormBias && name is not ("o" or "down") ? Vector(outFeatures) : null,
        };
    }

    private LinearWeights Float(string name, int outFeatures)
    {
        var data = new byte[outFeatures * Config.HiddenSize * 2];
        foreach (ref var half in MemoryMarshal.Cast<byte, Half>(data.AsSpan()))
        {
            half = (Half)((_random.NextSingle() - 0.5f) / 16);
        }

        return new()
        {
            Name = name,
            OutFeatures = outFeatures,
            InFeatures = Config.HiddenSize,
            Format = WeightFormat.Float16,
            Data = data,
        };
    }
}
