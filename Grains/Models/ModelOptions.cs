namespace QuaRot.Grains.Models;

/// <summary>Which model a silo serves and how it is cut. Equal on every silo of a cluster.</summary>
public sealed class ModelOptions
{
    /// <summary>Folder of the checkpoint.</summary>
    public string Path { get; set; } = "";

    /// <summary>Number of shard grains (stages) of a replica.</summary>
    public int Shards { get; set; } = 1;

    /// <summary>Positions of KV cache on every stage, shared by all sessions; rounded up to whole pages.</summary>
    public int KvTokens { get; set; } = 16 * 1024;

    /// <summary>Backend that computes: <c>cpu</c>, <c>gpu</c>, <c>auto</c> or <c>reference</c>.</summary>
    public string Backend { get; set; } = "cpu";

    /// <summary>Name of the chat template; null to take the checkpoint's own.</summary>
    public string? ChatTemplate { get; set; }

    /// <summary>Most rows in one batch; longer prompts are prefilled in chunks.</summary>
    public int MaxBatchTokens { get; set; } = 512;

    /// <summary>Most sequences that may wait for admission before new ones are refused.</summary>
    public int MaxQueue { get; set; } = 256;

    /// <summary>Tokens that a session asks for at a time, up to eight times as many where they come fast: the unit of flow control and recovery.</summary>
    public int BurstTokens { get; set; } = 16;
}
