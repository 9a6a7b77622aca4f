using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Protocol;

namespace Grpc.Net.Client;

/// <summary>
/// What HTTP responses and broken connections mean as a status (grpc.io: http-grpc-status-mapping.md, PROTOCOL-HTTP2.md "Errors").
/// </summary>
internal static class StatusMapping
{
    /// <summary>The status in headers or trailers, null without one.</summary>
    public static Status? Read(System.Net.Http.Headers.HttpHeaders headers)
    {
        if (First(headers, Wire.Status) is not { } code)
        {
            return null;
        }

        var detail = Wire.PercentDecode(First(headers, Wire.Message) ?? "");
        return int.TryParse(code, out var number)
            ? new Status((StatusCode)number, detail)
            : new Status(StatusCode.Cancelled, "Unexpected grpc-status value: " + code);
    }

    /// <summary>The status of a response whose headers alone decide it; null when messages may follow.</summary>
    public static Status? FromHeaders(HttpResponseMessage response)
    {
        if (Read(response.Headers) is { } status)
        {
            return status;
        }

        if (response.Version < HttpVersion.Version20)
        {
            return new Status(StatusCode.Internal, $"Bad gRPC response. Response protocol downgraded to HTTP/{response.Version}.");
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            return new Status(FromHttp(response.StatusCode), $"Bad gRPC response. HTTP status code: {(int)response.StatusCode}");
        }

        var type = First(response.Content.Headers, "Content-Type");
        return Wire.IsGrpc(type)
            ? null
            : new Status(StatusCode.Cancelled, "Bad gRPC response. Invalid content-type value: " + (type ?? "none"));
    }

    /// <summary>The status of a failed send or read.</summary>
    public static Status FromException(string summary, Exception exception) =>
        new(CodeOf(exception), summary + " " + Wire.Describe(exception), exception);

    /// <summary>The first value of a header, null without one.</summary>
    public static string? First(System.Net.Http.Headers.HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? values.First() : null;

    private static StatusCode CodeOf(Exception exception)
    {
        var broken = false;
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is HttpProtocolException protocol)
            {
                return FromHttp2(protocol.ErrorCode);
            }

            broken |= e is SocketException or IOException;
        }

        return broken ? StatusCode.Unavailable : StatusCode.Internal;
    }

    private static StatusCode FromHttp2(long errorCode) => errorCode switch
    {
        0x7 => StatusCode.Unavailable, // REFUSED_STREAM
        0x8 => StatusCode.Cancelled, // CANCEL
        0xb => StatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        0xc => StatusCode.PermissionDenied, // INADEQUATE_SECURITY
        _ => StatusCode.Internal,
    };

    private static StatusCode FromHttp(HttpStatusCode code) => (int)code switch
    {
        400 or 431 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };
}
