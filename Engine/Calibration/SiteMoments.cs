using QuaRot.Checkpoints.Quantization.Gptq;

namespace QuaRot.Engine.Calibration;

/// <summary>What is gathered of a site's inputs: z as the quantized model sees it, x as the float model does, r what the residual lacks.</summary>
internal sealed class SiteMoments(int width, bool cross, int residualWidth)
{
    /// <summary>Σzᵀz</summary>
    public SecondMoments Hessian { get; } = SecondMoments.OfOne(width);

    /// <summary>Σxᵀz, or null where outputs are not matched.</summary>
    public SecondMoments? Cross { get; } = cross ? new SecondMoments(width, width) : null;

    /// <summary>Σrᵀz, or null where the site's layers do not feed the residual stream.</summary>
    public SecondMoments? Residual { get; } = cross && residualWidth > 0 ? new SecondMoments(residualWidth, width) : null;

    public void Add(float[] z, float[]? x, float[]? r)
    {
        Hessian.Add(z);
        Cross?.Add(x, z);
        Residual?.Add(r, z);
    }
}
