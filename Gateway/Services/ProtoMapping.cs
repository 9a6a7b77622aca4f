using Google.Protobuf.WellKnownTypes;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.Shards;
using QuaRot.Contracts.V1;

namespace QuaRot.Gateway.Services;

/// <summary>Turns messages between grains into the public ones.</summary>
internal static class ProtoMapping
{
    public static Session ToProto(this SessionSummary summary) => new()
    {
        SessionId = summary.SessionId,
        CreatedAt = Timestamp.FromDateTimeOffset(summary.CreatedAt),
        LastUsedAt = Timestamp.FromDateTimeOffset(summary.LastUsedAt),
        Turns = (uint)summary.Turns,
        Tokens = (uint)summary.Tokens,
    };

    public static GenerateResponse ToProto(this TurnEvent turnEvent)
    {
        var response = new GenerateResponse { Text = turnEvent.Text, Index = (uint)turnEvent.Index };
        response.TokenIds.AddRange(turnEvent.TokenIds.Select(id => (uint)id));
        response.Logprobs.AddRange(turnEvent.LogProbs.Select(ToProto));
        if (turnEvent.Start is { } start)
        {
            response.Started = new TurnStarted
            {
                Seed = start.Seed,
                PromptTokens = (uint)start.PromptTokens,
                NumericsId = start.NumericsId,
                Turn = (uint)start.Turn,
            };
        }

        if (turnEvent.End is { } end)
        {
            response.FinishReason = (FinishReason)end.Reason;
            response.Usage = new Usage { PromptTokens = (uint)end.PromptTokens, CompletionTokens = (uint)end.CompletionTokens };
        }

        return response;
    }

    public static ModelInfo ToProto(this ServedModelInfo model, ShardStatus[] shards)
    {
        var config = model.Config;
        var quantization = config.Quantization;
        var info = new ModelInfo
        {
            Name = model.Name,
            Architecture = config.Architecture,
            NumLayers = (uint)config.NumLayers,
            HiddenSize = (uint)config.HiddenSize,
            NumHeads = (uint)config.NumHeads,
            NumKvHeads = (uint)config.NumKvHeads,
            VocabSize = (uint)config.VocabSize,
            MaxContext = (uint)model.MaxContext,
            WeightBits = (uint)(quantization?.WeightBits ?? 16),
            ActivationBits = (uint)(quantization?.ActivationBits ?? 16),
            KeyBits = (uint)(quantization?.KeyBits ?? 16),
            ValueBits = (uint)(quantization?.ValueBits ?? 16),
            NumericsId = shards[0].NumericsId,
            ServerVersion = typeof(ProtoMapping).Assembly.GetName().Version?.ToString(3) ?? "",
        };
        info.Shards.AddRange(shards.Select(s => new Shard
        {
            Stage = (uint)s.Stage,
            FirstLayer = (uint)s.FirstLayer,
            EndLayer = (uint)s.EndLayer,
            Silo = s.Silo,
            WeightBytes = (ulong)s.WeightBytes,
            KvCacheBytes = (ulong)s.KvCacheBytes,
        }));
        return info;
    }

    private static TokenLogProbs ToProto(LogProbs logProbs)
    {
        var result = new TokenLogProbs { Logprob = logProbs.LogProb };
        for (var i = 0; i < logProbs.TopIds.Length; i++)
            result.Top.Add(new TopLogProb { TokenId = (uint)logProbs.TopIds[i], Logprob = logProbs.TopLogProbs[i] });
        return result;
    }
}
