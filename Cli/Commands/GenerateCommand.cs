using System.CommandLine;
using QuaRot.Cli.Client;
using QuaRot.Contracts.V1;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot generate PROMPT</c>: continues a text once.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string> Prompt = new("PROMPT") { Description = "Text to continue" };
    private static readonly ConnectionOptions Gateway = new();
    private static readonly SamplingOptions Sampling = new();

    public static Command Create()
    {
        var command = new Command("generate", "Continue a text through a running gateway") { Prompt };
        Gateway.AddTo(command);
        Sampling.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult args, CancellationToken cancellationToken)
    {
        using var channel = Gateway.Open(args);
        var client = new Inference.InferenceClient(channel);
        var request = new GenerateRequest { Prompt = args.GetRequiredValue(Prompt), Sampling = Sampling.Read(args) };
        using var call = client.Generate(request, cancellationToken: cancellationToken);
        await AnswerPrinter.Print(call, cancellationToken);
        return 0;
    }
}
