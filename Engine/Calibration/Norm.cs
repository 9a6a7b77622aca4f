using QuaRot.Kernels.Backends;

namespace QuaRot.Engine.Calibration;

/// <summary>What rms_norm applies behind the division.</summary>
/// <param name="Gain">[hidden], or null for none.</param>
/// <param name="Bias">[hidden], or null for none.</param>
internal readonly record struct Norm(FloatBuffer? Gain, FloatBuffer? Bias);
