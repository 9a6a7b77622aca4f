using System.Threading.Channels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Scheduling;

/// <summary>A burst under way. All of it belongs to the scheduler's lock, but for the reading end of the channel.</summary>
internal sealed class Burst
{
    private readonly BurstRequest _request;
    private readonly Channel<GeneratedToken> _output;
    private readonly HashSet<int>? _seen;
    private readonly int _endLength;

    /// <param name="request">A valid request.</param>
    /// <param name="sequence">Its sequence.</param>
    /// <param name="ticket">Order of arrival.</param>
    /// <param name="contextLimit">Most tokens of a sequence; more than the request holds.</param>
    public Burst(BurstRequest request, ResidentSequence sequence, long ticket, int contextLimit)
    {
        _request = request;
        Sequence = sequence;
        Ticket = ticket;
        Tokens = [.. request.Tokens];
        _endLength = (int)Math.Min(contextLimit, (long)request.Tokens.Length + request.MaxTokens);
        _output = Channel.CreateBounded<GeneratedToken>(_endLength - request.Tokens.Length);
        _seen = request.Sampling.RepetitionPenalty == 1f ? null : [.. request.Tokens];
    }

    public ResidentSequence Sequence { get; }

    public long Ticket { get; }

    /// <summary>History and what was generated on top of it.</summary>
    public List<int> Tokens { get; }

    /// <summary>Tokens that have no KV yet; at least 1 while the burst is under way.</summary>
    public int Remaining => Tokens.Count - Sequence.Cached.Count;

    /// <summary>Holds a place among the running bursts.</summary>
    public bool IsRunning { get; set; }

    /// <summary>Rows of it are in a micro-batch: its pages must not change hands.</summary>
    public bool InFlight { get; set; }

    /// <summary>Ends at the next step, without another token.</summary>
    public bool IsStopped { get; set; }

    /// <summary>What the consumer hears when a stopped burst ends; null for its own cancellation.</summary>
    public Exception? StopCause { get; set; }

    /// <summary>Number of the micro-batch that it was last part of.</summary>
    public long LastStep { get; set; }

    /// <summary>Steps that it may take before anyone looks at its tokens; 1 where the next one's sampling depends on this one's token or its logits are asked for.</summary>
    public int StepsAhead => _seen is null && _request.Sampling.LogProbs < 0 ? _endLength - Tokens.Count : 1;

    public ChannelReader<GeneratedToken> Output => _output.Reader;

    /// <summary>Ends when the scheduler has let go of the burst.</summary>
    public TaskCompletionSource Retired { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How to sample the token after the present ones.</summary>
    public SamplingRow NextSampling()
    {
        SamplingParameters sampling = _request.Sampling;
        return new SamplingRow
        {
            Position = Tokens.Count,
            Seed = _request.Seed,
            Temperature = sampling.Temperature,
            TopK = sampling.TopK,
            TopP = sampling.TopP,
            MinP = sampling.MinP,
            RepetitionPenalty = sampling.RepetitionPenalty,
            PenaltyTokens = _seen is null ? [] : [.. _seen],
            LogProbs = sampling.LogProbs,
        };
    }

    /// <summary>Appends a sampled token and gives it out; true when it was the last of the burst.</summary>
    public bool Accept(SampledToken token)
    {
        bool isStop = _request.StopTokenIds.Contains(token.TokenId);
        var generated = new GeneratedToken(token.TokenId, Tokens.Count, token.LogProb, token.Top, isStop);
        if (!_output.Writer.TryWrite(generated))
        {
            throw new InvalidOperationException($"Sequence '{Sequence.Id}' generated more than its burst allows.");
        }

        Tokens.Add(token.TokenId);
        _seen?.Add(token.TokenId);
        return isStop || Tokens.Count >= _endLength;
    }

    /// <summary>Closes the stream to the consumer; only the first call counts.</summary>
    public void Close(Exception? error)
    {
        _output.Writer.TryComplete(error);
        Retired.TrySetResult();
    }
}
