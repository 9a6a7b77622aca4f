namespace QuaRot.Contracts.Sessions;

/// <summary>Validated sampling parameters of a turn; the meaning of each is that of SamplingParameters in quarot.proto.</summary>
[GenerateSerializer, Immutable, Alias("quarot.TurnSampling")]
public sealed record TurnSampling
{
    /// <summary>0 is greedy.</summary>
    [Id(0)] public float Temperature { get; init; } = 1f;

    /// <summary>0 keeps all.</summary>
    [Id(1)] public int TopK { get; init; }

    /// <summary>1 keeps all.</summary>
    [Id(2)] public float TopP { get; init; } = 1f;

    /// <summary>0 drops none.</summary>
    [Id(3)] public float MinP { get; init; }

    /// <summary>1 is off.</summary>
    [Id(4)] public float RepetitionPenalty { get; init; } = 1f;

    /// <summary>Null: the session draws one and stores it before the first token.</summary>
    [Id(5)] public ulong? Seed { get; init; }

    /// <summary>Texts that end the answer.</summary>
    [Id(6)] public string[] Stop { get; init; } = [];

    /// <summary>Longest answer in tokens.</summary>
    [Id(7)] public int MaxTokens { get; init; } = 256;

    /// <summary>Most likely tokens to report; -1 reports none and no log-probability.</summary>
    [Id(8)] public int LogProbs { get; init; } = -1;

    /// <summary>Ids that end the answer beside the model's own end tokens.</summary>
    [Id(9)] public int[] StopTokenIds { get; init; } = [];

    /// <summary>The model's own end tokens do not end the answer.</summary>
    [Id(10)] public bool IgnoreEos { get; init; }
}
