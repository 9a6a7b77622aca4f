using System.Security.Cryptography;
using QuaRot.Contracts.Sessions;
using QuaRot.Engine.Turns;
using QuaRot.Grains.Shards;

namespace QuaRot.Grains.Sessions;

/// <summary>Turns the engine's view of a turn into messages between grains and back.</summary>
internal static class TurnMessages
{
    /// <summary>The settings of a turn; draws the seed when the client gave none.</summary>
    public static TurnSettings ToSettings(this TurnSampling sampling, IReadOnlyList<int> eosTokenIds, int maxTokens) => new()
    {
        Sampling = sampling.ToParameters(),
        Seed = sampling.Seed ?? BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))),
        MaxTokens = maxTokens,
        StopTokenIds = sampling.IgnoreEos ? sampling.StopTokenIds : [.. eosTokenIds, .. sampling.StopTokenIds],
        StopStrings = sampling.Stop,
    };

    /// <summary>The message for a piece of an answer; an answer that was cut by the context's end, not by the client's limit, says so.</summary>
    public static TurnEvent ToEvent(this TurnChunk chunk, bool limitedByContext) => new()
    {
        Text = chunk.Text,
        TokenIds = [.. chunk.TokenIds],
        Index = chunk.Index,
        LogProbs = [.. chunk.LogProbs.Select(p => new LogProbs(p.LogProb, [.. p.Top.Select(t => t.TokenId)], [.. p.Top.Select(t => t.LogProb)]))],
        End = chunk.IsFinal ? new TurnEnd((int)Reason(chunk.FinishReason, limitedByContext), chunk.Usage!.PromptTokens, chunk.Usage.CompletionTokens) : null,
    };

    private static FinishReason Reason(FinishReason reason, bool limitedByContext) =>
        reason == FinishReason.Length && limitedByContext ? FinishReason.Context : reason;
}
