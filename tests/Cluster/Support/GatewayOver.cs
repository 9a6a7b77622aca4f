using System.Net;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using QuaRot.Gateway;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>A gateway on a port of its own in front of silos that a test may kill.</summary>
internal sealed class GatewayOver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private GatewayOver(WebApplication app)
    {
        _app = app;
        Channel = GrpcChannel.ForAddress(app.Urls.Single());
    }

    public GrpcChannel Channel { get; }

    public static async Task<GatewayOver> Start(SiloCluster cluster, string model, int shards)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(cluster.Grains);
        builder.Services.AddQuaRotGateway();
        builder.Services.Configure<GatewayOptions>(o =>
        {
            o.ModelPath = model;
            o.ModelName = Path.GetFileName(model);
            o.Shards = shards;
            o.MaxContext = 1024;
            o.HealthInterval = TimeSpan.FromSeconds(1);
        });
        var app = builder.Build();
        app.MapQuaRotGateway();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new GatewayOver(app);
    }

    /// <summary>Begins to shut down, as Ctrl-C does.</summary>
    public void BeginStop() => _app.Lifetime.StopApplication();

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
