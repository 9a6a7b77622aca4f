using Grpc.Core;
using QuaRot.Contracts.V1;

namespace QuaRot.Cli.Client;

/// <summary>Writes a streamed answer to the console as it comes.</summary>
internal static class AnswerPrinter
{
    /// <summary>Prints the text of each message at once; returns the last message.</summary>
    public static async Task<GenerateResponse> Print(AsyncServerStreamingCall<GenerateResponse> call, CancellationToken cancellationToken)
    {
        var last = new GenerateResponse();
        await foreach (var message in call.ResponseStream.ReadAllAsync(cancellationToken))
        {
            Console.Write(message.Text);
            last = message;
        }

        Console.WriteLine();
        return last;
    }
}
