using System.Security.Cryptography;
using System.Text;

namespace QuaRot.Gateway.Keys;

/// <summary>An API key as the gateway holds it: its SHA-256, never the key, and whose sessions it opens.</summary>
/// <remarks>Keys are long and random, so a fast hash does; hashes are compared in constant time.</remarks>
internal sealed class ApiKey(string key, string? name)
{
    private readonly byte[] _hash = Hash(key);

    /// <summary>The key's name; for a key without one an id made from its hash. A name cannot hold a colon, so the two never meet.</summary>
    public string Owner { get; } = name ?? "key:" + Convert.ToHexStringLower(Hash("quarot session owner " + key).AsSpan(0, 8));

    public bool Matches(ReadOnlySpan<byte> hash) => CryptographicOperations.FixedTimeEquals(_hash, hash);

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
