using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Storage;
using QuaRot.Checkpoints.Chat;
using QuaRot.Cli.Client;
using QuaRot.Cli.Commands;
using QuaRot.Contracts.Shards;
using QuaRot.Gateway;
using QuaRot.Gateway.Keys;
using QuaRot.Grains.Models;
using QuaRot.Grains.Sessions;
using QuaRot.Kernels.Backends;
using QuaRot.Silo;
using GatewayOptions = QuaRot.Gateway.GatewayOptions;

namespace QuaRot.Cli.Serving;

/// <summary>Silo, grains and gateway in one process.</summary>
public sealed class ClusterHost : IAsyncDisposable
{
    private const int PortAttempts = 5;
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(2);

    private readonly WebApplication _app;
    private readonly DataFolder _data;
    private readonly ServeOptions _options;
    private readonly TlsFiles? _tls;
    private readonly string? _consoleKey;

    private ClusterHost(ServeOptions options)
    {
        _options = options;
        _tls = options.Tls is { } files ? TlsFiles.Read(files.Certificate, files.Key) : null;
        _consoleKey = options.ApiKeys is null ? null : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        _data = DataFolder.Take(options.Data);
        _app = Build(_data.SessionFile);
    }

    /// <summary>Where the gateway listens, for example <c>http://127.0.0.1:50051</c>; https with TLS.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Where this machine reaches it: one cannot connect to "any address", only listen on it.</summary>
    public Uri LocalAddress => _options.Host switch
    {
        var host when host.Equals(IPAddress.Any) => new UriBuilder(Address) { Host = IPAddress.Loopback.ToString() }.Uri,
        var host when host.Equals(IPAddress.IPv6Any) => new UriBuilder(Address) { Host = $"[{IPAddress.IPv6Loopback}]" }.Uri,
        _ => Address,
    };

    /// <summary><see cref="Address"/> as host:port, which some clients want.</summary>
    public string Endpoint => Address.Authority;

    /// <summary>What each shard holds, by stage.</summary>
    public IReadOnlyList<ShardStatus> Shards { get; private set; } = [];

    /// <summary>Cancelled when the host begins to stop, on Ctrl-C or SIGTERM for example.</summary>
    public CancellationToken Stopping => _app.Lifetime.ApplicationStopping;

    /// <summary>Starts everything and loads all shards.</summary>
    /// <exception cref="CommandException">The port is taken, or a folder cannot be used; the message says which.</exception>
    public static async Task<ClusterHost> StartAsync(ServeOptions options, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var host = new ClusterHost(options);
            try
            {
                await host.Start(cancellationToken);
                return host;
            }
            catch (AddressInUseException) when (attempt < PortAttempts)
            {
                // Not the gateway's port, which the user is told of: somebody took one of the silo's between the look and the listening.
                await host.Abandon();
            }
            catch
            {
                await host.Abandon();
                throw;
            }
        }
    }

    /// <summary>A channel to the gateway for this process itself: it trusts the gateway's own certificate and has a key of its own.</summary>
    public GrpcChannel Connect() => _tls is null
        ? GatewayChannel.Open(LocalAddress, _consoleKey, trusted: null) : GatewayChannel.OpenPinned(LocalAddress, _consoleKey, _tls.Certificate);

    /// <summary>Stops listening, ends the streams, deactivates the grains and frees the shards.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _tls?.Dispose();
        _data.Dispose();
    }

    // What went wrong at the start is what the user must hear; a half-started host that does not stop either must not hide it.
    private async Task Abandon()
    {
        var stopped = DisposeAsync().AsTask();
        await stopped.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _data.Dispose();
    }

    private WebApplication Build(string sessionFile)
    {
        var options = _options;
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        ConfigureLogging(builder.Logging, options.Verbose);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.WebHost.ConfigureKestrel(kestrel => ConfigureKestrel(kestrel));
        builder.UseOrleans(silo => ConfigureSilo(silo, options, sessionFile));
        builder.Services.AddQuaRotGateway();
        builder.Services.AddOptions<GatewayOptions>().Configure<ServedModel>((gateway, model) =>
        {
            gateway.ModelPath = options.Model;
            gateway.ModelName = model.Name;
            gateway.Shards = options.Shards;
            gateway.MaxContext = model.MaxContext;
            gateway.ApiKeyFile = options.ApiKeys;
            gateway.ConsoleKey = _consoleKey;
        });
        var app = builder.Build();
        app.MapQuaRotGateway();
        return app;
    }

    private static void ConfigureLogging(ILoggingBuilder logging, bool verbose)
    {
        logging.ClearProviders().AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(verbose ? LogLevel.Information : LogLevel.Warning)
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        if (verbose)
            return;

        // A caller's malformed message is that caller's affair, and what fails inside a call the gateway logs itself.
        logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.Critical);

        // Advice on the garbage collector, and a watchdog that counts the time before its first look.
        logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Error).AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
    }

    private void ConfigureKestrel(KestrelServerOptions kestrel)
    {
        kestrel.Listen(_options.Host, _options.Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            if (_tls is not null)
                listen.UseHttps(https => (https.ServerCertificate, https.ServerCertificateChain) = (_tls.Certificate, _tls.Chain));
        });

        // A client that reads slowly is served slowly (flow control reaches down to the decode); it is no attack.
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1024;
    }

    private static void ConfigureSilo(ISiloBuilder silo, ServeOptions options, string sessionFile)
    {
        // Nobody outside this process joins, so any free ports do: several `quarot serve` can run side by side.
        silo.UseLocalhostClustering(FreePort(), FreePort(), serviceId: "quarot", clusterId: Guid.NewGuid().ToString("n"));
        silo.Configure<SiloMessagingOptions>(o => o.ResponseTimeout = TimeSpan.FromMinutes(2));
        silo.AddQuaRotSilo(model =>
        {
            model.Path = options.Model;
            model.Shards = options.Shards;
            model.Backend = options.Backend;
            model.KvTokens = options.KvTokens;
            model.ChatTemplate = options.ChatTemplate;
        });
        silo.AddSqliteSessions(sessionFile);
    }

    private async Task Start(CancellationToken cancellationToken)
    {
        Check(_app.Services.GetRequiredService<ServedModel>());
        _app.Services.GetRequiredKeyedService<IGrainStorage>(SessionGrain.Storage);
        try
        {
            await _app.StartAsync(cancellationToken);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException || e.Message.Contains("address already in use", StringComparison.OrdinalIgnoreCase))
        {
            throw new CommandException($"port {_options.Port} on {_options.Host} is taken; choose another with --port (0 takes any free one)", e);
        }
        catch (SocketException e)
        {
            throw new CommandException($"cannot listen on {_options.Host}:{_options.Port}: {e.Message}", e);
        }

        Address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        var loading = LoadShards();
        await ShowProgress(loading, cancellationToken);
        Shards = await loading.WaitAsync(cancellationToken);
    }

    // A model of many gigabytes takes a while: whoever waits sees that it goes on.
    private async Task ShowProgress(Task loading, CancellationToken cancellationToken)
    {
        var model = _app.Services.GetRequiredService<ServedModel>();
        while (await Task.WhenAny(loading, Task.Delay(ProgressInterval, cancellationToken)) != loading && !cancellationToken.IsCancellationRequested)
            Console.Error.WriteLine($"loading: layer {model.LayersRead} of {model.Config.NumLayers}");
    }

    // Everything that a chat will need is opened now: a model that cannot be served must not look healthy.
    private void Check(ServedModel model)
    {
        if (_options.Shards < 1 || _options.Shards > model.Config.NumLayers)
            throw new CommandException($"--shards: is {_options.Shards}; the model has {model.Config.NumLayers} layers, so 1 to {model.Config.NumLayers} are possible");
        if (_options.KvTokens < 1)
            throw new CommandException($"--kv-tokens: is {_options.KvTokens}; must be at least 1");
        if (!BackendRegistry.Names.Contains(_options.Backend))
            throw new CommandException($"--device: there is no '{_options.Backend}'; there are {string.Join(" and ", BackendRegistry.Names)}");
        if (_options.ChatTemplate is { } name && !ChatTemplate.Names.Contains(name))
            throw new CommandException($"--chat-template: there is no '{name}'; there are {string.Join(", ", ChatTemplate.Names)}");
        _ = (model.Tokenizer, model.Template, model.StopTokenIds);
        CheckKeys();
    }

    private void CheckKeys()
    {
        try
        {
            _app.Services.GetRequiredService<ApiKeyRing>();
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new CommandException($"--api-keys: {e.Message}", e);
        }
    }

    private async Task<ShardStatus[]> LoadShards()
    {
        var grains = _app.Services.GetRequiredService<IGrainFactory>();
        var name = _app.Services.GetRequiredService<ServedModel>().Name;
        return await Task.WhenAll(Enumerable.Range(0, _options.Shards).Select(s => grains.GetGrain<IShardGrain>(new ShardKey(name, 0, s).ToString()).Status()));
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
