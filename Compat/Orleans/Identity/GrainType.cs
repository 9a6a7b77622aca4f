using System.Text;

namespace Orleans.Runtime;

/// <summary>The name of a grain class: by <see cref="GrainTypeAttribute"/>, else its name in lower case without "grain".</summary>
public readonly struct GrainType(IdSpan id) : IEquatable<GrainType>, IComparable<GrainType>
{
    public bool IsDefault => Value.IsDefault;

    public IdSpan Value { get; } = id;

    public static GrainType Create(string value) => new(IdSpan.Create(value));

    public bool Equals(GrainType obj) => Value.Equals(obj.Value);

    public override bool Equals(object? obj) => obj is GrainType other && Equals(other);

    public override int GetHashCode() => Value.GetHashCode();

    /// <summary>The same in every process, unlike <see cref="GetHashCode"/>.</summary>
    public uint GetUniformHashCode() => StableHash.Of(Value.AsSpan());

    public int CompareTo(GrainType other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();

    public static bool operator ==(GrainType left, GrainType right) => left.Equals(right);

    public static bool operator !=(GrainType left, GrainType right) => !left.Equals(right);
}

/// <summary>FNV-1a, 32 bits.</summary>
internal static class StableHash
{
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint hash = 2166136261;
        foreach (byte b in bytes)
        {
            hash = (hash ^ b) * 16777619;
        }

        return hash;
    }

    public static uint Of(string text) => Of(Encoding.UTF8.GetBytes(text));
}
