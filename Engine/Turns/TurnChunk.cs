namespace QuaRot.Engine.Turns;

/// <summary>A piece of an answer.</summary>
/// <param name="Index">Index within the answer of the first token in <see cref="TokenIds"/>; for a chunk without tokens, of the next
/// one.</param>
/// <param name="TokenIds">The new ids: to be appended to the history before the chunk goes to the client.</param>
/// <param name="Text">Text that became certain; may be empty while a character or a possible stop string is unfinished.</param>
/// <param name="LogProbs">One for each id when asked for, else empty.</param>
/// <param name="FinishReason"><see cref="Turns.FinishReason.None"/> but in the final chunk.</param>
/// <param name="Usage">In the final chunk only.</param>
public sealed record TurnChunk(
    int Index, IReadOnlyList<int> TokenIds, string Text, IReadOnlyList<TokenLogProbs> LogProbs, FinishReason FinishReason, TurnUsage? Usage)
{
    /// <summary>The turn ends with this chunk.</summary>
    public bool IsFinal => FinishReason != FinishReason.None;
}
