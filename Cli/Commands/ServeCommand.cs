using System.CommandLine;
using System.Net;
using QuaRot.Checkpoints.Chat;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Cli.Client;
using QuaRot.Cli.Serving;
using QuaRot.Contracts.V1;
using QuaRot.Kernels;
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
    private static readonly Option<string> Device = DeviceOption.Create();
    private static readonly Option<int> KvTokens = new("--kv-tokens") { Description = "Positions of KV cache, shared by all sessions", DefaultValueFactory = _ => 16 * 1024 };
    private static readonly Option<string?> TlsCert = new("--tls-cert") { Description = "Speak TLS with the certificate in this PEM file; intermediate ones may follow it" };
    private static readonly Option<string?> TlsKey = new("--tls-key") { Description = "PEM file of the certificate's private key" };
    private static readonly Option<string?> ApiKeys = new("--api-keys") { Description = "File of API keys, one a line, KEY or NAME:KEY; callers need one of them" };
    private static readonly Option<string?> Template = new("--chat-template") { Description = "Chat template by name, instead of the checkpoint's own: " + string.Join(", ", ChatTemplate.Names) };
    private static readonly Option<string?> AskText = new("--ask") { Description = "Ask this through the gRPC port once everything is up" };
    private static readonly Option<bool> Chat = new("--chat") { Description = "Chat at the terminal, if there is one" };
    private static readonly Option<bool> Exit = new("--exit") { Description = "Stop after --ask" };
    private static readonly Option<bool> Verbose = new("--verbose") { Description = "Log informational messages too" };

    public static Command Create()
    {
        var command = new Command("serve", "Serve a model: silo, grains and gateway in one process")
        {
            Model, Shards, Host, Port, Data, Device, KvTokens, Template, TlsCert, TlsKey, ApiKeys, AskText, Chat, Exit, Verbose,
        };
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult args, CancellationToken cancellationToken)
    {
        Console.WriteLine($"QuaRot.Cluster on {ClusterKind.Description}");
        var options = Read(args);
        WarnOfOpenness(options);
        await using var host = await ClusterHost.StartAsync(options, cancellationToken);
        Describe(host, options);

        using var channel = host.Connect();
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
        Backend = DeviceOption.Read(args, Device),
        KvTokens = args.GetValue(KvTokens),
        Tls = (args.GetValue(TlsCert), args.GetValue(TlsKey)) switch
        {
            (null, null) => null,
            ({ } cert, { } key) => (cert, key),
            (null, _) => throw new CommandException("--tls-key: is given without --tls-cert"),
            _ => throw new CommandException("--tls-cert: is given without --tls-key"),
        },
        ApiKeys = args.GetValue(ApiKeys),
        ChatTemplate = args.GetValue(Template),
        Verbose = args.GetValue(Verbose),
    };

    // Loopback is this machine's own; elsewhere the reader must have chosen what is missing.
    private static void WarnOfOpenness(ServeOptions options)
    {
        if (IPAddress.IsLoopback(options.Host))
            return;
        if (options.Tls is null)
            Console.Error.WriteLine($"quarot: warning: {options.Host} is no loopback address and there is no TLS: prompts, answers and keys travel readable (--tls-cert, --tls-key)");
        if (options.ApiKeys is null)
            Console.Error.WriteLine($"quarot: warning: {options.Host} is no loopback address and there are no keys: whoever reaches it may use it and read every session (--api-keys)");
    }

    private static void Describe(ClusterHost host, ServeOptions options)
    {
        Console.WriteLine($"  device: {options.Backend}");
        foreach (var line in ComputePath.Slower(ModelConfigReader.Read(Path.Combine(options.Model, "config.json")).Quantization))
            Console.WriteLine($"  {line}");
        foreach (var shard in host.Shards)
        {
            Console.WriteLine($"  shard {shard.Stage}: layers {shard.FirstLayer} to {shard.EndLayer - 1}, " +
                $"{shard.WeightBytes / 1e6:0.0} MB weights, {shard.KvCacheBytes / 1e6:0.0} MB KV cache");
        }

        var guards = string.Join(", ", new[] { options.Tls is null ? "plain text" : "TLS", options.ApiKeys is null ? "no keys" : "API keys" });
        Console.WriteLine($"  gRPC on {host.Endpoint} (quarot.v1.Inference, grpc.health.v1.Health; {guards}; see Contracts/Protos/quarot.proto)");
        var program = Path.GetRelativePath(Environment.CurrentDirectory, Environment.ProcessPath ?? "quarot");
        Console.WriteLine($"  try: {program} chat --address {(options.Tls is null ? host.LocalAddress.Authority : host.LocalAddress.GetLeftPart(UriPartial.Authority))}");
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
