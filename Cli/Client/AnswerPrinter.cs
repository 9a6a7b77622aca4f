using System.Globalization;
using Grpc.Core;
using QuaRot.Contracts.V1;

namespace QuaRot.Cli.Client;

/// <summary>Writes a streamed answer to the console as it comes.</summary>
internal static class AnswerPrinter
{
    /// <summary>Prints the text of each message at once, and log-probabilities, if there are any, behind the answer; returns the last message.</summary>
    public static async Task<GenerateResponse> Print(AsyncServerStreamingCall<GenerateResponse> call, CancellationToken cancellationToken)
    {
        var last = new GenerateResponse();
        var logProbs = new List<string>();
        try
        {
            await foreach (var message in call.ResponseStream.ReadAllAsync(cancellationToken))
            {
                Console.Write(message.Text);
                logProbs.AddRange(message.Logprobs.Select((p, i) => Line(message.TokenIds[i], p)));
                last = message;
            }
        }
        finally
        {
            // An answer that breaks off leaves the next words a line of their own.
            Console.WriteLine();
        }

        logProbs.ForEach(Console.WriteLine);
        return last;
    }

    // The token, its log-probability, and the most likely ones in its place.
    private static string Line(uint tokenId, TokenLogProbs p) => string.Create(CultureInfo.InvariantCulture,
        $"  {tokenId,6} {p.Logprob,8:0.0000}  {string.Join(", ", p.Top.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.TokenId}: {t.Logprob:0.0000}")))}").TrimEnd();
}
