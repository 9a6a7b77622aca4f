using Grpc.Core;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>A streamed answer, read to its end.</summary>
internal sealed record Answer(string Text, int[] Ids, FinishReason Reason, Usage? Usage, TurnStarted? Started, TokenLogProbs[] LogProbs)
{
    public static async Task<Answer> Read(AsyncServerStreamingCall<GenerateResponse> call, Action<int>? onTokens = null)
    {
        var (text, ids, logProbs) = ("", new List<int>(), new List<TokenLogProbs>());
        TurnStarted? started = null;
        int? first = null;
        var last = new GenerateResponse();
        await foreach (var message in call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            first ??= (int)message.Index;
            Assert.Equal(first + ids.Count, (int)message.Index);
            started ??= message.Started;
            text += message.Text;
            ids.AddRange(message.TokenIds.Select(id => (int)id));
            logProbs.AddRange(message.Logprobs);
            last = message;
            onTokens?.Invoke(ids.Count);
        }

        return new Answer(text, [.. ids], last.FinishReason, last.Usage, started, [.. logProbs]);
    }
}
