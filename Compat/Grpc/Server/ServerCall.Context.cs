using System.Net.Sockets;
using Grpc.Core;
using Grpc.Protocol;
using Microsoft.AspNetCore.Http;

namespace Grpc.AspNetCore.Server;

// What the method sees of its call.
internal sealed partial class ServerCall : ServerCallContext
{
    private Metadata? _requestHeaders;
    private Metadata? _trailers;
    private Status _status;
    private DateTime _deadline = DateTime.MaxValue;

    protected override string MethodCore => Http.Request.Path.Value!;

    protected override string PeerCore => (Http.Connection.RemoteIpAddress, Http.Connection.RemotePort) switch
    {
        (null, _) => "unknown",
        ({ AddressFamily: AddressFamily.InterNetworkV6 } ip, var port) => $"ipv6:[{ip}]:{port}",
        var (ip, port) => $"ipv4:{ip}:{port}",
    };

    protected override DateTime DeadlineCore => _deadline;

    protected override Metadata RequestHeadersCore => _requestHeaders ??= ReadRequestHeaders();

    protected override CancellationToken CancellationTokenCore => _token;

    protected override Metadata ResponseTrailersCore => _trailers ??= [];

    protected override Status StatusCore
    {
        get => _status;
        set => _status = value;
    }

    protected override IDictionary<object, object> UserStateCore => Http.Items!;

    protected override async Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        ArgumentNullException.ThrowIfNull(responseHeaders);
        EnterWrite("Can't write response headers because");
        try
        {
            if (Http.Response.HasStarted)
            {
                throw new InvalidOperationException("Response headers can only be sent once per call.");
            }

            foreach (var entry in responseHeaders)
            {
                Http.Response.Headers.Append(entry.Key, Wire.HeaderValue(entry));
            }

            await Http.Response.BodyWriter.FlushAsync(_token).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    private Metadata ReadRequestHeaders()
    {
        var metadata = new Metadata();
        foreach (var (key, values) in Http.Request.Headers)
        {
            foreach (var value in values)
            {
                Wire.AddHeader(metadata, key, value ?? "");
            }
        }

        return metadata;
    }
}
