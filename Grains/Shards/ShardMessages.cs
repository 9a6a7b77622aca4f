using System.Runtime.InteropServices;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.Shards;
using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Scheduling;
using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Grains.Shards;

/// <summary>Turns the engine's types into messages between grains and back.</summary>
internal static class ShardMessages
{
    public static SamplingParameters ToParameters(this TurnSampling sampling) => new()
    {
        Temperature = sampling.Temperature,
        TopK = sampling.TopK,
        TopP = sampling.TopP,
        MinP = sampling.MinP,
        RepetitionPenalty = sampling.RepetitionPenalty,
        LogProbs = sampling.LogProbs,
    };

    public static BurstRequest ToRequest(this BurstCall call) => new()
    {
        SequenceId = call.SessionId,
        Tokens = call.Tokens,
        Sampling = call.Sampling.ToParameters(),
        Seed = call.Seed,
        MaxTokens = call.MaxTokens,
        StopTokenIds = call.StopTokenIds,
        IsContinuation = call.IsContinuation,
    };

    public static BurstCall ToCall(this BurstRequest request) => new(
        request.SequenceId,
        request.Tokens,
        new TurnSampling
        {
            Temperature = request.Sampling.Temperature,
            TopK = request.Sampling.TopK,
            TopP = request.Sampling.TopP,
            MinP = request.Sampling.MinP,
            RepetitionPenalty = request.Sampling.RepetitionPenalty,
            LogProbs = request.Sampling.LogProbs,
        },
        request.Seed,
        request.MaxTokens,
        [.. request.StopTokenIds],
        request.IsContinuation);

    public static BurstToken ToMessage(this GeneratedToken token) =>
        new(token.TokenId, token.Position, LogProbsOf(token.LogProb, token.Top), token.IsStop);

    public static SchedulerReport ToReport(this SchedulerStats s) =>
        new(s.Running, s.Waiting, s.Resident, s.PagesUsed, s.PagesTotal, s.TokensPrefilled, s.TokensDecoded, s.Batches, s.MeanBatchRows);

    public static StageCall ToCall(this StageBatch batch, long epoch) => new()
    {
        Epoch = epoch,
        TokenIds = batch.Forward.TokenIds,
        Positions = batch.Forward.Positions,
        SequenceOfRow = batch.Forward.SequenceOfRow,
        BlockTables = batch.Forward.BlockTables,
        OutputRows = batch.Forward.OutputRows,
        Sampling = [.. batch.Sampling.Select(ToMessage)],
    };

    public static StageBatch ToBatch(this StageCall call) => new()
    {
        Forward = new ForwardBatch
        {
            TokenIds = call.TokenIds,
            Positions = call.Positions,
            SequenceOfRow = call.SequenceOfRow,
            BlockTables = call.BlockTables,
            OutputRows = call.OutputRows,
        },
        Sampling = [.. call.Sampling.Select(ToRow)],
    };

    public static SampledTokens ToMessage(this SampledToken[] sampled) =>
        new([.. sampled.Select(s => s.TokenId)], [.. sampled.Select(s => LogProbsOf(s.LogProb, s.Top))]);

    public static SampledToken[] ToSampled(this SampledTokens message)
    {
        var sampled = new SampledToken[message.TokenIds.Length];
        for (var i = 0; i < sampled.Length; i++)
        {
            var (logProb, top) = Unpack(message.LogProbs[i]);
            sampled[i] = new(message.TokenIds[i], logProb, top);
        }

        return sampled;
    }

    public static GeneratedToken ToGenerated(this BurstToken token)
    {
        var (logProb, top) = Unpack(token.LogProbs);
        return new(token.TokenId, token.Position, logProb, top, token.IsStop);
    }

    private static (float LogProb, TokenLogProb[] Top) Unpack(LogProbs? p) => p is null
        ? (float.NaN, [])
        : (p.LogProb, [.. p.TopIds.Zip(p.TopLogProbs, (id, value) => new TokenLogProb(id, value))]);

    private static LogProbs? LogProbsOf(float logProb, IReadOnlyList<TokenLogProb> top) => float.IsNaN(logProb)
        ? null
        : new(logProb, [.. top.Select(t => t.TokenId)], [.. top.Select(t => t.LogProb)]);

    private static StageSampling ToMessage(SamplingRow row) => new(
        row.Position,
        row.Seed,
        new TurnSampling
        {
            Temperature = row.Temperature,
            TopK = row.TopK,
            TopP = row.TopP,
            MinP = row.MinP,
            RepetitionPenalty = row.RepetitionPenalty,
            LogProbs = row.LogProbs,
        },
        row.PenaltyTokens);

    private static SamplingRow ToRow(StageSampling sampling) => new()
    {
        Position = sampling.Position,
        Seed = sampling.Seed,
        Temperature = sampling.Sampling.Temperature,
        TopK = sampling.Sampling.TopK,
        TopP = sampling.Sampling.TopP,
        MinP = sampling.Sampling.MinP,
        RepetitionPenalty = sampling.Sampling.RepetitionPenalty,
        PenaltyTokens = sampling.PenaltyTokens,
        LogProbs = sampling.Sampling.LogProbs,
    };
}
