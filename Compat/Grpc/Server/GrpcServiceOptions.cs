namespace Grpc.AspNetCore.Server;

/// <summary>Options of all gRPC services of an application.</summary>
public class GrpcServiceOptions
{
    /// <summary>The largest request message in bytes (default 4 MiB); null for no limit. A larger one ends in RESOURCE_EXHAUSTED.</summary>
    public int? MaxReceiveMessageSize { get; set; } = 4 * 1024 * 1024;

    /// <summary>The largest response message in bytes; null (default) for no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>Whether the text of an unexpected exception goes to the client.</summary>
    public bool? EnableDetailedErrors { get; set; }

    /// <summary>Interceptors of all methods, outermost first.</summary>
    public InterceptorCollection Interceptors { get; } = [];
}
