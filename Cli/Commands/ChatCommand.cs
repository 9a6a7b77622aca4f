using System.CommandLine;
using QuaRot.Cli.Client;
using QuaRot.Contracts.V1;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot chat</c>: talks to a running gateway, with memory.</summary>
internal static class ChatCommand
{
    private static readonly Option<string> Session = new("--session") { Description = "Go on with this session instead of a new one" };
    private static readonly ConnectionOptions Gateway = new();
    private static readonly SamplingOptions Sampling = new();

    public static Command Create()
    {
        var command = new Command("chat", "Chat with a running gateway") { Session };
        Gateway.AddTo(command);
        Sampling.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult args, CancellationToken cancellationToken)
    {
        using var channel = Gateway.Open(args);
        var loop = new ChatLoop(new Inference.InferenceClient(channel), Sampling.Read(args));
        await loop.Run(args.GetValue(Session), cancellationToken);
        return 0;
    }
}
