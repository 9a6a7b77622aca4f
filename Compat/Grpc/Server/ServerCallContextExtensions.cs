using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http;

namespace Grpc.Core;

/// <summary>ASP.NET Core behind a call.</summary>
public static class ServerCallContextExtensions
{
    /// <summary>The HTTP request of the call.</summary>
    public static HttpContext GetHttpContext(this ServerCallContext serverCallContext) => serverCallContext is ServerCall call
        ? call.Http
        : throw new InvalidOperationException("The call context does not come from an ASP.NET Core server.");
}
