using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using QuaRot.Contracts.V1;

namespace QuaRot.Cli.Client;

/// <summary>Streams several answers at once through a gateway and times what arrives.</summary>
internal sealed class LoadRun(GrpcChannel channel, string prompt, SamplingParameters sampling)
{
    /// <summary>Answers that begin together; every one continues a text of its own, so that none finds another's KV.</summary>
    /// <param name="streams">How many.</param>
    /// <param name="round">Which turn of them: a number in the texts.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RpcException">The gateway refused or lost one.</exception>
    public async Task<LoadRound> RunAsync(int streams, int round, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var answers = await Task.WhenAll(Enumerable.Range(0, streams).Select(i => OneAsync($"{prompt} {round}.{i}", cancellationToken)));
        return new LoadRound(answers, Stopwatch.GetElapsedTime(started));
    }

    private async Task<LoadAnswer> OneAsync(string text, CancellationToken cancellationToken)
    {
        var client = new Inference.InferenceClient(channel);
        var started = Stopwatch.GetTimestamp();
        TimeSpan first = default, last = default;
        int tokens = 0, inFirst = 0;
        using var call = client.Generate(new GenerateRequest { Prompt = text, Sampling = sampling }, cancellationToken: cancellationToken);
        await foreach (var message in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            if (message.TokenIds.Count == 0)
                continue;
            last = Stopwatch.GetElapsedTime(started);
            if (tokens == 0)
                (first, inFirst) = (last, message.TokenIds.Count);
            tokens += message.TokenIds.Count;
        }

        return new LoadAnswer(tokens, inFirst, first, last);
    }
}
