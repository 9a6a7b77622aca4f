using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>A real Kestrel on a free loopback port with the probe service, and a channel to it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly List<IDisposable> _owned = [];

    private TestServer(WebApplication app, ProbeScript script)
    {
        App = app;
        Script = script;
        Address = new Uri(app.Urls.Single());
        Channel = Connect(new GrpcChannelOptions());
        Client = new Probe.ProbeClient(Channel);
    }

    public WebApplication App { get; }

    public ProbeScript Script { get; }

    public Uri Address { get; }

    public GrpcChannel Channel { get; }

    public Probe.ProbeClient Client { get; }

    public static async Task<TestServer> StartAsync(
        ProbeScript script, Action<GrpcServiceOptions>? configure = null, HttpProtocols protocols = HttpProtocols.Http2,
        Action<IServiceCollection>? services = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        builder.Services.AddSingleton(script);
        builder.Services.AddGrpc(configure ?? (_ => { }));
        services?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapGrpcService<ProbeService>();
        app.MapPost("/plain/http", () => "an endpoint beside gRPC");
        await app.StartAsync();
        return new TestServer(app, script);
    }

    public GrpcChannel Connect(GrpcChannelOptions options)
    {
        var channel = GrpcChannel.ForAddress(Address, options);
        _owned.Add(channel);
        return channel;
    }

    /// <summary>A client for requests that no gRPC client would send.</summary>
    public RawClient Raw()
    {
        var raw = new RawClient(Address);
        _owned.Add(raw);
        return raw;
    }

    public async ValueTask DisposeAsync()
    {
        _owned.ForEach(o => o.Dispose());
        await App.DisposeAsync();
    }
}
