namespace QuaRot.Checkpoints.Rotation;

/// <summary>SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014), addressed by index.</summary>
internal static class SplitMix64
{
    /// <summary>
    /// Output number <paramref name="index"/>, counted from 0, of the generator whose state starts at <paramref name="seed"/>.
    /// </summary>
    public static ulong Output(ulong seed, ulong index)
    {
        ulong z = unchecked(seed + ((index + 1) * 0x9E3779B97F4A7C15UL));
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EBUL);
        return z ^ (z >> 31);
    }
}
