namespace QuaRot.Contracts.Sessions;

/// <summary>One step of an answer on its way to the client.</summary>
[GenerateSerializer, Immutable, Alias("quarot.TurnEvent")]
public sealed record TurnEvent
{
    /// <summary>Text that became certain.</summary>
    [Id(0)] public string Text { get; init; } = "";

    /// <summary>Tokens of this step.</summary>
    [Id(1)] public int[] TokenIds { get; init; } = [];

    /// <summary>Index in the answer of the first of <see cref="TokenIds"/>.</summary>
    [Id(2)] public int Index { get; init; }

    /// <summary>One for each token when asked for, else empty.</summary>
    [Id(3)] public LogProbs[] LogProbs { get; init; } = [];

    /// <summary>Set on the first event only.</summary>
    [Id(4)] public TurnStart? Start { get; init; }

    /// <summary>Set on the last event only.</summary>
    [Id(5)] public TurnEnd? End { get; init; }
}
