using System.Net;
using Grpc.Core;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>A response as it came over the wire.</summary>
internal sealed record RawResponse(
    HttpStatusCode Http, Dictionary<string, string> Headers, Dictionary<string, string> Trailers, string? ContentType, byte[] Body)
{
    /// <summary>The status, wherever it stands.</summary>
    public StatusCode Code => (StatusCode)int.Parse(Trailers.GetValueOrDefault("grpc-status") ?? Headers["grpc-status"]);

    /// <summary>The text of the status, still encoded.</summary>
    public string? Message => Trailers.GetValueOrDefault("grpc-message") ?? Headers.GetValueOrDefault("grpc-message");

    /// <summary>True when headers carry the status and there is no body.</summary>
    public bool IsTrailersOnly => Headers.ContainsKey("grpc-status") && Body.Length == 0;
}
