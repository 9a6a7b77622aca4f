using System.Net;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>A server that answers every request with the same bytes, right or wrong, to test the client.</summary>
internal sealed class CannedServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private CannedServer(WebApplication app)
    {
        _app = app;
        Channel = GrpcChannel.ForAddress(app.Urls.Single());
        Client = new Probe.ProbeClient(Channel);
    }

    public GrpcChannel Channel { get; }

    public Probe.ProbeClient Client { get; }

    public static async Task<CannedServer> StartAsync(RequestDelegate respond)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.Run(respond);
        await app.StartAsync();
        return new CannedServer(app);
    }

    /// <summary>A gRPC response with this body and status; a null status leaves the trailer out.</summary>
    public static Task<CannedServer> StartAsync(byte[] body, int? status = 0, string? encoding = null, string? message = null) =>
        StartAsync(async http =>
        {
            http.Response.ContentType = "application/grpc";
            if (encoding is not null)
            {
                http.Response.Headers["grpc-encoding"] = encoding;
            }

            await http.Response.StartAsync();
            await http.Response.Body.WriteAsync(body);
            if (status is not null)
            {
                http.Response.AppendTrailer("grpc-status", status.ToString());
            }

            if (message is not null)
            {
                http.Response.AppendTrailer("grpc-message", message);
            }
        });

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await _app.DisposeAsync();
    }
}
