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
        try
        {
            await foreach (var message in call.ResponseStream.ReadAllAsync(cancellationToken))
            {
                Console.Write(message.Text);
                last = message;
            }
        }
        finally
        {
            // An answer that breaks off leaves the next words a line of their own.
            Console.WriteLine();
        }

        return last;
    }
}
