using QuaRot.Checkpoints;

namespace QuaRot.Engine.Calibration;

/// <summary>A norm whose outputs are moved to a mean of zero before they are rounded.</summary>
/// <param name="Plain">As the float model has it.</param>
/// <param name="Quantized">With <paramref name="Bias"/>.</param>
/// <param name="Float">The same for what the float model's norm gives.</param>
/// <param name="Bias">[hidden] minus the mean of the quantized model's outputs; null where nothing is moved.</param>
/// <param name="FloatBias">[hidden] minus the mean of the float model's outputs.</param>
internal sealed record CentredNorm(Norm Plain, Norm Quantized, Norm Float, float[]? Bias, float[]? FloatBias)
{
    /// <summary>The norm whose outputs are rounded or stand for them.</summary>
    public Norm Of(bool ofFloat) => ofFloat ? Float : Quantized;

    /// <summary>Linear layers that give the float model's outputs from its moved inputs: the mean goes into their biases.</summary>
    public LinearWeights[] Absorb(params LinearWeights[] linears) =>
        FloatBias is null ? linears : [.. linears.Select(linear => ColumnMeans.AddToBias(linear, FloatBias, -1))];
}
