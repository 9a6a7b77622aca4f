using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.V1;
using QuaRot.Contracts.Vllm;
using GenerateResponse = QuaRot.Contracts.Vllm.GenerateResponse;

namespace QuaRot.Gateway.Vllm;

/// <summary>An answer in the vLLM protocol, gathered from the events of its turn.</summary>
internal sealed class VllmAnswer(TurnSampling sampling, int promptTokens, Tokenizer tokenizer)
{
    private readonly List<uint> _ids = [];
    private readonly OutputLogProbs _logProbs = new();
    private FinishReason _reason = FinishReason.Cancelled;

    /// <summary>Adds an event; the chunk to stream for it, or null when it brought no token.</summary>
    public GenerateResponse? Add(TurnEvent turnEvent)
    {
        if (turnEvent.End is { } end)
            _reason = (FinishReason)end.Reason;
        if (turnEvent.TokenIds.Length == 0)
            return null;
        var chunk = new GenerateStreamChunk { PromptTokens = (uint)promptTokens, CompletionTokens = (uint)turnEvent.TokenIds.Length };
        chunk.TokenIds.AddRange(turnEvent.TokenIds.Select(id => (uint)id));
        _ids.AddRange(chunk.TokenIds);
        if (turnEvent.LogProbs.Length > 0)
        {
            chunk.OutputLogprobs = ToProto(turnEvent);
            _logProbs.MergeFrom(chunk.OutputLogprobs);
        }

        return new GenerateResponse { Chunk = chunk };
    }

    /// <summary>The last message: the whole answer and why it ended.</summary>
    public GenerateResponse Complete()
    {
        var complete = new GenerateComplete
        {
            FinishReason = _reason switch
            {
                FinishReason.Stop or FinishReason.StopString => "stop",
                FinishReason.Length or FinishReason.Context => "length",
                _ => "abort",
            },
            PromptTokens = (uint)promptTokens,
            CompletionTokens = (uint)_ids.Count,
        };
        complete.OutputIds.AddRange(_ids);
        if (_logProbs.TokenIds.Count > 0)
            complete.OutputLogprobs = _logProbs;
        if (_reason == FinishReason.Stop && sampling.StopTokenIds.Contains((int)_ids[^1]))
            complete.MatchedTokenId = _ids[^1];
        if (_reason == FinishReason.StopString && MatchedStop() is { } stop)
            complete.MatchedStopStr = stop;
        return new GenerateResponse { Complete = complete };
    }

    private string? MatchedStop()
    {
        var text = tokenizer.Decode([.. _ids.Select(id => (int)id)], skipSpecial: true);
        return sampling.Stop.Where(s => text.Contains(s, StringComparison.Ordinal)).MinBy(s => text.IndexOf(s, StringComparison.Ordinal));
    }

    private static OutputLogProbs ToProto(TurnEvent turnEvent)
    {
        var result = new OutputLogProbs();
        for (var i = 0; i < turnEvent.LogProbs.Length; i++)
        {
            var p = turnEvent.LogProbs[i];
            result.TokenIds.Add((uint)turnEvent.TokenIds[i]);
            result.TokenLogprobs.Add(p.LogProb);
            if (p.TopIds.Length == 0)
                continue;
            var top = new TopLogProbs();
            top.TokenIds.AddRange(p.TopIds.Select(id => (uint)id));
            top.Values.AddRange(p.TopLogProbs);
            result.TopLogprobs.Add(top);
        }

        return result;
    }
}
