using System.CommandLine;
using System.Net;
using Grpc.Net.Client;
using QuaRot.Checkpoints.Chat;
using QuaRot.Cli.Client;
using QuaRot.Cli.Serving;
using QuaRot.Contracts.V1;
using QuaRot.Silo;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot serve MODEL</c>: silo, grains and gateway in one process.</summary>
internal static class ServeCommand
{
    private static readonly Argument<DirectoryInfo> Model = new("MODEL") { Description = "Checkpoint folder" };
    private static readonly Option<int> Shards = new("--shards") { Description = "Shard grains to cut the model into", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> Host = new("--host") { Description = "Address to listen on", DefaultValueFactory = _ => "127.0.0.1" };
    private static readonly Option<int> Port = new("--port") { Description = "gRPC port; 0 takes any free one", DefaultValueFactory = _ => 50051 };
    private static readonly Option<string> Data = new("--data") { Description = "Folder of the session store", DefaultValueFactory = _ => "data" };
    private static readonly Option<string> Backend = new("--backend") { Description = "cpu or reference", DefaultValueFactory = _ => "cpu" };
    private static readonly Option<int> KvTokens = new("--kv-tokens") { Description = "Positions of KV cache, shared by all sessions", DefaultValueFactory = _ => 16 * 1024 };
    private static readonly Option<string?> Template = new("--chat-template") { Description = "Chat template by name, instead of the checkpoint's own: " + string.Join(", ", ChatTemplate.Names) };
    private static readonly Option<string?> AskText = new("--ask") { Description = "Ask this through the gRPC port once everything is up" };
    private static readonly Option<bool> Chat = new("--chat") { Description = "Chat at the terminal, if there is one" };
    private static readonly Option<bool> Exit = new("--exit") { Description = "Stop after --ask" };
    private static readonly Option<bool> Verbose = new("--verbose") { Description = "Log informational messages too" };

    public static Command Create()
    {
        var command = new Command("serve", "Serve a model: silo, grains and gateway in one process")
        {
            Model, Shards, Host, Port, Data, Backend, KvTokens, Template, AskText, Chat, Exit, Verbose,
        };
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult args, CancellationToken cancellationToken)
    {
        Console.WriteLine($"QuaRot.Cluster on {ClusterKind.Description}");
        await using var host = await ClusterHost.StartAsync(Read(args), cancellationToken);
        Describe(host);

        using var channel = GrpcChannel.ForAddress(host.Address);
        var client = new Inference.InferenceClient(channel);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, host.Stopping);
        try
        {
            if (args.GetValue(AskText) is { } question)
                await Ask(client, question, stop.Token);
            if (args.GetValue(Exit))
                return 0;
            if (args.GetValue(Chat) && !Console.IsInputRedirected && !Console.IsOutputRedirected)
                await new ChatLoop(client, Greedy()).Run(null, stop.Token);
            else
                await Serve(stop.Token);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // Ctrl-C and SIGTERM are the ordinary way to end; whatever was under way ends with them.
        }

        Console.WriteLine("Stopping.");
        return 0;
    }

    private static ServeOptions Read(ParseResult args) => new()
    {
        Model = args.GetRequiredValue(Model).FullName,
        Shards = args.GetValue(Shards),
        Host = args.GetValue(Host) == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(args.GetValue(Host), out var host)
            ? host : throw new CommandException($"--host: '{args.GetValue(Host)}' is not an IP address"),
        Port = args.GetValue(Port) is >= 0 and <= 65535 and var port ? port : throw new CommandException($"--port: {args.GetValue(Port)} is not a port"),
        Data = args.GetRequiredValue(Data),
        Backend = args.GetRequiredValue(Backend),
        KvTokens = args.GetValue(KvTokens),
        ChatTemplate = args.GetValue(Template),
        Verbose = args.GetValue(Verbose),
    };

    private static void Describe(ClusterHost host)
    {
        foreach (var shard in host.Shards)
        {
            Console.WriteLine($"  shard {shard.Stage}: layers {shard.FirstLayer} to {shard.EndLayer - 1}, " +
                $"{shard.WeightBytes / 1e6:0.0} MB weights, {shard.KvCacheBytes / 1e6:0.0} MB KV cache");
        }

        Console.WriteLine($"  gRPC on {host.Endpoint} (quarot.v1.Inference, grpc.health.v1.Health; see Contracts/Protos/quarot.proto)");
        var program = Path.GetRelativePath(Environment.CurrentDirectory, Environment.ProcessPath ?? "quarot");
        Console.WriteLine($"  try: {program} chat --address {host.Endpoint}");
    }

    private static async Task Ask(Inference.InferenceClient client, string question, CancellationToken cancellationToken)
    {
        var session = await client.CreateSessionAsync(new CreateSessionRequest(), cancellationToken: cancellationToken);
        Console.WriteLine($"> {question}");
        var last = await ChatLoop.Ask(client, session.SessionId, question, Greedy(), cancellationToken);
        Console.WriteLine($"  ({last.Usage.PromptTokens} prompt tokens, {last.Usage.CompletionTokens} answer tokens)");
    }

    private static async Task Serve(CancellationToken stop)
    {
        Console.WriteLine("Serving until Ctrl-C.");
        await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static SamplingParameters Greedy() => new() { Temperature = 0 };
}
