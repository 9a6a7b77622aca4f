using System.Net;

namespace Orleans.Runtime;

/// <summary>A silo's end point and generation: a restarted silo is another one. Written "ip:port@generation".</summary>
public sealed class SiloAddress : IEquatable<SiloAddress>, IComparable<SiloAddress>
{
    private static int s_lastGeneration;

    private SiloAddress(IPEndPoint endpoint, int generation)
    {
        Endpoint = endpoint;
        Generation = generation;
    }

    public static SiloAddress Zero { get; } = New(new IPEndPoint(IPAddress.Any, 0), 0);

    public IPEndPoint Endpoint { get; }

    public int Generation { get; }

    public static SiloAddress New(IPAddress address, int port, int generation) => New(new IPEndPoint(address, port), generation);

    public static SiloAddress New(IPEndPoint ep, int gen) => new(ep, gen);

    /// <summary>A number higher than any this process gave before.</summary>
    public static int AllocateNewGeneration() => Interlocked.Increment(ref s_lastGeneration);

    public static SiloAddress FromParsableString(string addr)
    {
        int at = addr.LastIndexOf('@');
        return New(IPEndPoint.Parse(addr[..at]), int.Parse(addr[(at + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }

    public string ToParsableString() => $"{Endpoint}@{Generation}";

    public int GetConsistentHashCode() => (int)StableHash.Of(ToParsableString());

    public bool Equals(SiloAddress? other) => other is not null && Generation == other.Generation && Endpoint.Equals(other.Endpoint);

    public override bool Equals(object? obj) => Equals(obj as SiloAddress);

    public override int GetHashCode() => HashCode.Combine(Endpoint, Generation);

    public int CompareTo(SiloAddress? other) => other is null ? 1 : string.CompareOrdinal(ToParsableString(), other.ToParsableString());

    public override string ToString() => "S" + ToParsableString();
}
