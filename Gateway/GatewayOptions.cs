namespace QuaRot.Gateway;

/// <summary>What the gateway needs to know of the model it fronts.</summary>
public sealed class GatewayOptions
{
    /// <summary>Folder of the checkpoint, for its config and tokenizer.</summary>
    public string ModelPath { get; set; } = "";

    /// <summary>Name under which the cluster's shards are keyed.</summary>
    public string ModelName { get; set; } = "";

    /// <summary>Number of shards of a replica.</summary>
    public int Shards { get; set; } = 1;

    /// <summary>Longest context in tokens.</summary>
    public int MaxContext { get; set; }

    /// <summary>File of API keys, one a line; null lets everybody call.</summary>
    public string? ApiKeyFile { get; set; }

    /// <summary>A key of the host's own beside those of the file, for its console; its sessions are nobody's.</summary>
    public string? ConsoleKey { get; set; }

    /// <summary>How often the shards are asked whether they are loaded, for the health service.</summary>
    public TimeSpan HealthInterval { get; set; } = TimeSpan.FromSeconds(5);
}
