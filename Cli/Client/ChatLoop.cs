using Grpc.Core;
using QuaRot.Contracts.V1;

namespace QuaRot.Cli.Client;

/// <summary>A chat at the terminal: reads lines, streams answers, until the end of input.</summary>
internal sealed class ChatLoop(Inference.InferenceClient client, SamplingParameters sampling)
{
    /// <summary>Chats in <paramref name="sessionId"/>, or in a new session when it is null.</summary>
    public async Task Run(string? sessionId, CancellationToken cancellationToken)
    {
        var id = sessionId ?? (await client.CreateSessionAsync(new CreateSessionRequest(), cancellationToken: cancellationToken)).SessionId;
        Console.WriteLine($"Session {id}. An empty line or Ctrl-D ends the chat.");
        while (!cancellationToken.IsCancellationRequested)
        {
            Console.Write("> ");
            var line = await Task.Run(Console.In.ReadLine, cancellationToken).WaitAsync(cancellationToken);
            if (string.IsNullOrWhiteSpace(line))
                return;
            try
            {
                await Ask(client, id, line, sampling, cancellationToken);
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.InvalidArgument or StatusCode.ResourceExhausted)
            {
                // The session stands as it was; the user may say something else.
                Console.Error.WriteLine(e.Status.Detail);
            }
        }
    }

    /// <summary>Sends one user message and prints the answer; returns its last message.</summary>
    public static async Task<GenerateResponse> Ask(
        Inference.InferenceClient client, string sessionId, string text, SamplingParameters sampling, CancellationToken cancellationToken)
    {
        var request = new ChatRequest { SessionId = sessionId, Sampling = sampling };
        request.Messages.Add(new ChatMessage { Role = "user", Content = text });
        using var call = client.Chat(request, cancellationToken: cancellationToken);
        return await AnswerPrinter.Print(call, cancellationToken);
    }
}
