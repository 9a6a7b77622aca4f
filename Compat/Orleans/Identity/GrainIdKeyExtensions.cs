using System.Globalization;

namespace Orleans.Runtime;

/// <summary>Keys that are no strings: integers in upper-case hexadecimal, GUIDs as 32 digits.</summary>
public static class GrainIdKeyExtensions
{
    public static IdSpan CreateIntegerKey(long key) => IdSpan.Create(key.ToString("X", CultureInfo.InvariantCulture));

    public static IdSpan CreateGuidKey(Guid key) => IdSpan.Create(key.ToString("N"));

    /// <exception cref="ArgumentException">The key is no hexadecimal integer.</exception>
    public static long GetIntegerKey(this GrainId grainId) =>
        long.TryParse(grainId.Key.ToString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long key)
            ? key
            : throw new ArgumentException($"The key of grain {grainId} is no integer.", nameof(grainId));

    /// <exception cref="ArgumentException">The key is no GUID.</exception>
    public static Guid GetGuidKey(this GrainId grainId) => Guid.TryParseExact(grainId.Key.ToString(), "N", out Guid key)
        ? key
        : throw new ArgumentException($"The key of grain {grainId} is no GUID.", nameof(grainId));
}
