namespace QuaRot.Kernels.Backends;

/// <summary>Cosines and sines of the rotary embedding for the positions a stage can hold.</summary>
/// <remarks>
/// As Hugging Face computes them: inv_freq = 1/theta^(2i/head_dim) and angle = position·inv_freq in float32, cosine and sine of that angle
/// rounded once to float32 (RoFormer, arXiv 2104.09864, eq. 34).
/// </remarks>
public sealed class RopeTable : IDisposable
{
    /// <summary>Fills the table: [positions, head_dim / 2] cosines and sines.</summary>
    public RopeTable(Backend backend, int positions, int headDim, float theta)
    {
        (Positions, HeadDim) = (positions, headDim);
        var half = headDim / 2;
        var cos = new float[positions * half];
        var sin = new float[positions * half];
        for (var i = 0; i < half; i++)
        {
            var frequency = 1f / (float)Math.Pow(theta, 2f * i / headDim);
            for (var position = 0; position < positions; position++)
            {
                var angle = position * frequency;
                cos[(position * half) + i] = (float)Math.Cos(angle);
                sin[(position * half) + i] = (float)Math.Sin(angle);
            }
        }

        Cos = backend.Upload(cos);
        Sin = backend.Upload(sin);
    }

    /// <summary>Number of positions.</summary>
    public int Positions { get; }

    /// <summary>Elements of a head.</summary>
    public int HeadDim { get; }

    /// <summary>[positions, head_dim / 2]</summary>
    public FloatBuffer Cos { get; }

    /// <summary>[positions, head_dim / 2]</summary>
    public FloatBuffer Sin { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}
