namespace QuaRot.Checkpoints.Quantization;

/// <summary>The codes of a symmetric b-bit format: [-2^(b-1), 2^(b-1) - 1]. The scale maps the largest weight to the upper end.</summary>
/// <param name="Bits">3 to 8.</param>
public readonly record struct IntegerRange(int Bits)
{
    /// <summary>Bits that a weight may have, 16 being "not quantized".</summary>
    public static IReadOnlyList<int> SupportedBits { get; } = [3, 4, 5, 6, 7, 8, 16];

    /// <summary>The smallest code.</summary>
    public int Lowest => -(1 << (Bits - 1));

    /// <summary>The largest code, which a row's largest weight is mapped to.</summary>
    public int Highest => (1 << (Bits - 1)) - 1;

    /// <summary>How the codes are stored.</summary>
    public WeightFormat Format => Bits <= 4 ? WeightFormat.Int4 : WeightFormat.Int8;
}
