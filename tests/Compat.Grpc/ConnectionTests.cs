using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Connections that fail, end, or use TLS.</summary>
public sealed class ConnectionTests
{
    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Refused_connection_is_unavailable_and_keeps_its_cause()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        var client = new Probe.ProbeClient(channel);
        using var stream = client.Talk();

        var failure = await RpcAssert.FailsAsync(StatusCode.Unavailable, client.AskAsync(new Note()).ResponseAsync);
        var write = await Assert.ThrowsAsync<RpcException>(() => stream.RequestStream.WriteAsync(new Note()));

        var cause = Assert.IsType<SocketException>(failure.Status.DebugException?.GetBaseException());
        Assert.Equal(SocketError.ConnectionRefused, cause.SocketErrorCode);
        Assert.Equal(StatusCode.Unavailable, write.StatusCode);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_shutdown_in_mid_stream_ends_both_sides()
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, context) =>
            {
                using var registration = context.CancellationToken.Register(cancelled.SetResult);
                await responses.WriteAsync(new Note());
                await cancelled.Task;
            },
        });
        using var call = server.Client.Listen(new Note());
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        await server.App.StopAsync(new CancellationToken(canceled: true));

        await cancelled.Task;
        await RpcAssert.FailsAsync(StatusCode.Unavailable, call.ResponseStream.MoveNext(CancellationToken.None));
        await RpcAssert.FailsAsync(StatusCode.Unavailable, server.Client.AskAsync(new Note()).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Graceful_shutdown_lets_a_stream_end()
    {
        var stopping = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, _) =>
            {
                await responses.WriteAsync(new Note { Number = 1 });
                await stopping.Task;
                await responses.WriteAsync(new Note { Number = 2 });
            },
        });
        using var call = server.Client.Listen(new Note());
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        using var registration = server.App.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        var stop = server.App.StopAsync(CancellationToken.None);

        Assert.Equal([2], await call.ResponseStream.ReadAllAsync().Select(n => n.Number).ToListAsync());
        await stop;
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Tls_works_with_a_certificate_that_the_handler_accepts()
    {
        using var certificate = SelfSigned();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(certificate);
        }));
        builder.Services.AddSingleton(new ProbeScript { Ask = (note, _) => Task.FromResult(note) });
        builder.Services.AddGrpc();
        await using var app = builder.Build();
        app.MapGrpcService<ProbeService>();
        await app.StartAsync();
        using var trusting = GrpcChannel.ForAddress(app.Urls.Single(), new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                SslOptions = new SslClientAuthenticationOptions
                {
                    RemoteCertificateValidationCallback = (_, peer, _, _) => peer!.GetCertHashString() == certificate.GetCertHashString(),
                },
            },
            DisposeHttpClient = true,
        });
        using var suspicious = GrpcChannel.ForAddress(app.Urls.Single());

        Assert.Equal("secret", (await new Probe.ProbeClient(trusting).AskAsync(new Note { Text = "secret" })).Text);
        await Assert.ThrowsAsync<RpcException>(() => new Probe.ProbeClient(suspicious).AskAsync(new Note()).ResponseAsync);
    }

    [Fact]
    public void Addresses_need_a_scheme()
    {
        Assert.Throws<InvalidOperationException>(() => GrpcChannel.ForAddress("localhost:5000"));

        using var channel = GrpcChannel.ForAddress("http://localhost:5000");
        Assert.Equal("localhost:5000", channel.Target);
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
