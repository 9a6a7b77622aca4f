namespace QuaRot.Checkpoints.Quantization.Balance;

/// <summary>
/// Changes a decoder layer's weights, not its function, so that rounding what passes between them disturbs its output least.
/// </summary>
/// <remarks>
/// Applied to the float layer before it is rotated, so that it costs nothing at run time: up_proj's outputs are scaled and down_proj undoes
/// it; each value head is multiplied by a matrix and o_proj undoes it; the two elements that RoPE turns into each other are scaled
/// together in keys and, inversely, in queries. Why these: <see cref="NoiseShaping"/>.
/// </remarks>
public static class ChannelBalance
{
    /// <summary>The balanced layer in Float32.</summary>
    /// <param name="layer">In a float format, not rotated.</param>
    /// <param name="config">Its model.</param>
    /// <param name="inputPower">[(heads + kv_heads)·head_dim] mean squares of queries and keys.</param>
    /// <param name="outputMoments">[in, in] Σxᵀx of o_proj's input as it would be without rotation; null leaves values alone.</param>
    /// <param name="downMoments">The same of down_proj's; null leaves up_proj alone.</param>
    public static LayerWeights Apply(
        LayerWeights layer, ModelConfig config, double[]? inputPower, double[]? outputMoments, double[]? downMoments)
    {
        if (downMoments is not null)
        {
            var (up, down) = (new FloatMatrix(layer.Up), new FloatMatrix(layer.Down));
            ScaleInner(up, down, downMoments);
            layer = layer with { Up = up.ToLinear(), Down = down.ToLinear() };
        }

        if (outputMoments is not null)
        {
            var (v, o) = (new FloatMatrix(layer.V), new FloatMatrix(layer.O));
            MixValues(v, o, config, outputMoments);
            layer = layer with { V = v.ToLinear(), O = o.ToLinear() };
        }

        if (inputPower is not null)
        {
            var (q, k) = (new FloatMatrix(layer.Q), new FloatMatrix(layer.K));
            ScaleKeys(q, k, config, inputPower);
            layer = layer with { Q = q.ToLinear(), K = k.ToLinear() };
        }

        return layer;
    }

    private static void ScaleInner(FloatMatrix up, FloatMatrix down, double[] moments)
    {
        int n = down.Columns;
        double[] scale = NoiseShaping.Diagonal(
            [.. Enumerable.Range(0, n).Select(i => moments[((long)i * n) + i])], [.. Enumerable.Range(0, n).Select(down.ColumnPower)]);
        for (int i = 0; i < n; i++)
        {
            up.ScaleRow(i, scale[i]);
            down.ScaleColumn(i, 1 / scale[i]);
        }
    }

    private static void MixValues(FloatMatrix v, FloatMatrix o, ModelConfig config, double[] moments)
    {
        int d = config.HeadDim, shared = config.NumHeads / config.NumKvHeads;
        for (int kv = 0; kv < config.NumKvHeads; kv++)
        {
            var (sigma, g) = (new double[d * d], new double[d * d]);
            for (int head = kv * shared; head < (kv + 1) * shared; head++)
            {
                for (int i = 0; i < d; i++)
                {
                    for (int j = 0; j < d; j++)
                    {
                        int row = (head * d) + i, column = (head * d) + j;
                        sigma[(i * d) + j] += moments[((long)row * o.Columns) + column];
                        for (int r = 0; r < o.Rows; r++)
                        {
                            g[(i * d) + j] += o.Values[(r * o.Columns) + row] * o.Values[(r * o.Columns) + column];
                        }
                    }
                }
            }

            (double[] a, double[] inverse) = NoiseShaping.Full(sigma, g, d);
            v.MixRows(kv * d, a, d);
            for (int head = kv * shared; head < (kv + 1) * shared; head++)
            {
                o.MixColumns(head * d, inverse, d);
            }
        }
    }

    private static void ScaleKeys(FloatMatrix q, FloatMatrix k, ModelConfig config, double[] power)
    {
        int d = config.HeadDim, half = d / 2, shared = config.NumHeads / config.NumKvHeads;
        for (int kv = 0; kv < config.NumKvHeads; kv++)
        {
            var (keys, queries) = (new double[half], new double[half]);
            for (int i = 0; i < d; i++)
            {
                keys[i % half] += power[q.Rows + (kv * d) + i];
                for (int head = kv * shared; head < (kv + 1) * shared; head++)
                {
                    queries[i % half] += power[(head * d) + i];
                }
            }

            double[] scale = NoiseShaping.Diagonal(keys, queries);
            for (int i = 0; i < d; i++)
            {
                k.ScaleRow((kv * d) + i, scale[i % half]);
                for (int head = kv * shared; head < (kv + 1) * shared; head++)
                {
                    q.ScaleRow((head * d) + i, 1 / scale[i % half]);
                }
            }
        }
    }
}
