namespace QuaRot.Engine.Inspection;

/// <summary>How far the largest element of a vector stands out: max|x| over √(mean x²), per token; of keys and values per token and head.</summary>
/// <remarks>
/// Symmetric 4-bit quantization cuts [-max|x|, max|x|] into 15 steps, so that this ratio says how many of them the typical element gets.
/// A normal distribution of 512 elements has about 3.
/// </remarks>
/// <param name="Mean">Mean over tokens.</param>
/// <param name="Largest">Largest over tokens.</param>
/// <param name="LargestValue">Largest |x| of all.</param>
public sealed record SiteFigures(double Mean, double Largest, double LargestValue);
