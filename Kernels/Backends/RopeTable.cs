using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Backends;

/// <summary>Cosines and sines of the rotary embedding for the positions a stage can hold.</summary>
/// <remarks>
/// As Hugging Face computes them: angle = position·inv_freq in float32, cosine and sine of that angle rounded once to float32 (RoFormer,
/// arXiv 2104.09864, eq. 34). The frequencies: <see cref="RopeFrequencies"/>.
/// </remarks>
public sealed class RopeTable : IDisposable
{
    /// <summary>Fills the table: [positions, head_dim / 2] cosines and sines.</summary>
    public RopeTable(Backend backend, int positions, int headDim, float theta, RopeScaling? scaling = null)
    {
        (Positions, HeadDim) = (positions, headDim);
        var frequencies = RopeFrequencies.Compute(headDim, theta, scaling);
        var half = frequencies.Length;
        var cos = new float[(long)positions * half];
        var sin = new float[(long)positions * half];
        for (var i = 0; i < cos.Length; i++)
        {
            var angle = i / half * frequencies[i % half];
            cos[i] = (float)Math.Cos(angle);
            sin[i] = (float)Math.Sin(angle);
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
