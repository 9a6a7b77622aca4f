using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Hadamard;
using QuaRot.Checkpoints.Rotation;

namespace QuaRot.Checkpoints.Tests.Rotation;

/// <summary>
/// The forward pass of Llama, Mistral and Qwen2 in plain double-precision loops, after Hugging Face's formulas; with the online transforms
/// where the model is rotated.
/// </summary>
internal sealed class NaiveLlama(ICheckpoint model)
{
    private readonly ModelConfig _config = model.Config;

    /// <summary>Test hook: leave an online transform out to see that it matters.</summary>
    public bool SkipHeadMixing { get; init; }

    public bool SkipDownTransform { get; init; }

    /// <summary>Applies the head-wise transform to queries and keys.</summary>
    public bool SkipQueryTransform { get; init; }

    private bool Rotated => _config.Quantization is { Rotate: true };

    /// <summary>Logits [tokens][vocab].</summary>
    public double[][] Forward(int[] tokens)
    {
        LinearWeights embedding = model.ReadEmbedding();
        float[] table = Values(embedding);
        double[][] x = [.. tokens.Select(t => Row(table, t, _config.HiddenSize))];
        for (int i = 0; i < _config.NumLayers; i++)
        {
            LayerWeights layer = model.ReadLayer(i);
            Add(x, Attention(Norm(x, layer.InputNorm), layer));
            Add(x, FeedForward(Norm(x, layer.PostAttentionNorm), layer));
        }

        HeadWeights head = model.ReadHead();
        return Linear(Norm(x, head.FinalNorm), head.LmHead);
    }

    private double[][] Attention(double[][] x, LayerWeights layer)
    {
        double[][] q = Rope(Linear(x, layer.Q));
        double[][] k = Rope(Linear(x, layer.K));
        double[][] v = Linear(x, layer.V);
        int d = _config.HeadDim;
        int group = _config.NumHeads / _config.NumKvHeads;
        var output = new double[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            output[t] = new double[_config.NumHeads * d];
            for (int head = 0; head < _config.NumHeads; head++)
            {
                int kv = head / group * d;
                double[] weights = [.. Enumerable.Range(0, t + 1).Select(s =>
                    Math.Exp(Enumerable.Range(0, d).Sum(i => q[t][(head * d) + i] * k[s][kv + i]) / Math.Sqrt(d)))];
                for (int i = 0; i < d; i++)
                {
                    output[t][(head * d) + i] = Enumerable.Range(0, t + 1).Sum(s => weights[s] * v[s][kv + i]) / weights.Sum();
                }
            }
        }

        return Linear(Rotated && !SkipHeadMixing ? MixHeads(output) : output, layer.O);
    }

    private double[][] MixHeads(double[][] rows)
    {
        if (RotationPlan.For(_config).HeadMixing == HeadMixing.WholeInput)
        {
            var whole = new HadamardTransform(_config.NumHeads * _config.HeadDim);
            Array.ForEach(rows, row => whole.Apply(row.AsSpan()));
            return rows;
        }

        var across = new HadamardTransform(_config.NumHeads);
        foreach (double[] row in rows)
        {
            for (int i = 0; i < _config.HeadDim; i++)
            {
                double[] feature = [.. Enumerable.Range(0, _config.NumHeads).Select(h => row[(h * _config.HeadDim) + i])];
                across.Apply(feature.AsSpan());
                for (int h = 0; h < _config.NumHeads; h++)
                {
                    row[(h * _config.HeadDim) + i] = feature[h];
                }
            }
        }

        return rows;
    }

    private double[][] FeedForward(double[][] x, LayerWeights layer)
    {
        double[][] gate = Linear(x, layer.Gate);
        double[][] up = Linear(x, layer.Up);
        double[][] u = [.. gate.Zip(up, (g, p) => g.Zip(p, (a, b) => a / (1 + Math.Exp(-a)) * b).ToArray())];
        if (Rotated && !SkipDownTransform)
        {
            var transform = new HadamardTransform(_config.IntermediateSize);
            Array.ForEach(u, row => transform.Apply(row.AsSpan()));
        }

        return Linear(u, layer.Down);
    }

    /// <summary>Rotary embedding of halves, then the head-wise Hadamard transform that the dot product does not notice.</summary>
    private double[][] Rope(double[][] rows)
    {
        int d = _config.HeadDim;
        var transform = new HadamardTransform(d);
        for (int position = 0; position < rows.Length; position++)
        {
            for (int start = 0; start < rows[position].Length; start += d)
            {
                Span<double> head = rows[position].AsSpan(start, d);
                for (int i = 0; i < d / 2; i++)
                {
                    (double sin, double cos) = Math.SinCos(position * Frequency(i));
                    (double low, double high) = (head[i], head[i + (d / 2)]);
                    (head[i], head[i + (d / 2)]) = ((low * cos) - (high * sin), (high * cos) + (low * sin));
                }

                if (Rotated && !SkipQueryTransform)
                {
                    transform.Apply(head);
                }
            }
        }

        return rows;
    }

    /// <summary>Llama 3's: 1 = keep, 0 = divide, by where the turns within the original context lie between the two factors.</summary>
    private double Frequency(int i)
    {
        double plain = Math.Pow(_config.RopeTheta, -2.0 * i / _config.HeadDim);
        if (_config.RopeScaling is not { } scaling)
        {
            return plain;
        }

        double turns = scaling.OriginalMaxPositions * plain / (2 * Math.PI);
        double kept = scaling.Kind == RopeScalingKind.Linear
            ? 0
            : Math.Clamp((turns - scaling.LowFreqFactor) / (scaling.HighFreqFactor - scaling.LowFreqFactor), 0, 1);
        return (kept * plain) + ((1 - kept) * plain / scaling.Factor);
    }

    private double[][] Norm(double[][] rows, float[]? gain) => [.. rows.Select(row =>
    {
        double scale = 1 / Math.Sqrt(row.Average(v => v * v) + _config.RmsNormEps);
        return row.Select((v, i) => v * scale * (gain is null ? 1 : gain[i])).ToArray();
    })];

    private static double[][] Linear(double[][] rows, LinearWeights weights)
    {
        float[] w = Values(weights);
        return [.. rows.Select(row => Enumerable.Range(0, weights.OutFeatures).Select(o =>
            (weights.Bias?[o] ?? 0.0) + Row(w, o, weights.InFeatures).Zip(row, (a, b) => a * b).Sum()).ToArray())];
    }

    private static void Add(double[][] x, double[][] y)
    {
        for (int t = 0; t < x.Length; t++)
        {
            x[t] = [.. x[t].Zip(y[t], (a, b) => a + b)];
        }
    }

    private static float[] Values(LinearWeights weights) => weights.Format switch
    {
        WeightFormat.Float32 => MemoryMarshal.Cast<byte, float>(weights.Data.Span).ToArray(),
        WeightFormat.Float16 => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(weights.Data.Span).ToArray(), h => (float)h),
        WeightFormat.BFloat16 => Array.ConvertAll(
            MemoryMarshal.Cast<byte, ushort>(weights.Data.Span).ToArray(), bits => BitConverter.Int32BitsToSingle(bits << 16)),
        _ => throw new InvalidOperationException($"{weights.Name} is {weights.Format}"),
    };

    private static double[] Row(float[] values, int row, int columns) =>
        Array.ConvertAll(values[(row * columns)..((row + 1) * columns)], v => (double)v);
}
