namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>Constants that widen FP16 to FP32 with integer shifts and one exact multiplication.</summary>
/// <remarks>
/// Exponent and fraction move up by 13 bits, which leaves the exponent 112 too small; times 2^112 sets it right for normal and
/// subnormal numbers alike. Infinities and NaNs get the exponent bits on top.
/// </remarks>
internal static class HalfBits
{
    public const int Sign = 0x8000;
    public const int Magnitude = 0x7FFF;
    public const int Infinity = 0x7C00;
    public const int FloatInfinity = 0x7F800000;

    /// <summary>Sign, exponent and fraction of a sign-extended half that was moved up by 13 bits.</summary>
    public const int Moved = unchecked((int)0x8FFFE000);

    /// <summary>2^112.</summary>
    public const float Rebias = 5.192296858534828e33f;
}
