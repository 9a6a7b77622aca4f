using System.Net;

namespace QuaRot.Cli.Serving;

/// <summary>A whole cluster in one process: model, cut, ports and folders.</summary>
public sealed record ServeOptions
{
    /// <summary>Folder of the checkpoint.</summary>
    public required string Model { get; init; }

    /// <summary>Number of shard grains.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>Address the gateway listens on.</summary>
    public IPAddress Host { get; init; } = IPAddress.Loopback;

    /// <summary>gRPC port; 0 takes any free one.</summary>
    public int Port { get; init; } = 50051;

    /// <summary>Folder for the session store.</summary>
    public string Data { get; init; } = "data";

    /// <summary>Backend that computes.</summary>
    public string Backend { get; init; } = "cpu";

    /// <summary>Positions of KV cache per stage, shared by all sessions.</summary>
    public int KvTokens { get; init; } = 16 * 1024;

    /// <summary>PEM files of the certificate and its private key; null speaks plain text.</summary>
    public (string Certificate, string Key)? Tls { get; init; }

    /// <summary>File of API keys; null lets everybody call.</summary>
    public string? ApiKeys { get; init; }

    /// <summary>Name of the chat template; null to take the checkpoint's own.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Log informational messages too.</summary>
    public bool Verbose { get; init; }
}
