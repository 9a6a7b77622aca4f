using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;

namespace QuaRot.Cli.Client;

/// <summary>A channel to a gateway: with TLS if the address says https, with an API key if there is one.</summary>
internal static class GatewayChannel
{
    /// <summary>Makes the channel; it connects with its first call.</summary>
    /// <param name="address">Where the gateway is.</param>
    /// <param name="apiKey">Sent with every call.</param>
    /// <param name="trusted">Certificates to trust in place of the system's.</param>
    public static GrpcChannel Open(Uri address, string? apiKey, X509Certificate2Collection? trusted)
    {
        var sockets = new SocketsHttpHandler { EnableMultipleHttp2Connections = true };
        if (trusted is not null)
        {
            sockets.SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck },
            };
            sockets.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(trusted);
        }

        return Open(address, apiKey, sockets);
    }

    /// <summary>The same over connections that trust this certificate alone, whatever name it bears.</summary>
    public static GrpcChannel OpenPinned(Uri address, string? apiKey, X509Certificate2 pinned)
    {
        var hash = pinned.GetCertHashString();
        var sockets = new SocketsHttpHandler { EnableMultipleHttp2Connections = true };
        sockets.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.GetCertHashString() == hash;
        return Open(address, apiKey, sockets);
    }

    private static GrpcChannel Open(Uri address, string? apiKey, SocketsHttpHandler sockets) => GrpcChannel.ForAddress(address, new GrpcChannelOptions
    {
        HttpHandler = apiKey is null ? sockets : new BearerHandler(apiKey) { InnerHandler = sockets },
        DisposeHttpClient = true,
    });

    private sealed class BearerHandler(string apiKey) : DelegatingHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
