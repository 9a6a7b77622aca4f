namespace Grpc.Core;

/// <summary>A method of a service with its marshallers.</summary>
/// <param name="type">Which sides stream.</param>
/// <param name="serviceName">The full name of the service, package included.</param>
/// <param name="name">The name of the method alone.</param>
/// <param name="requestMarshaller">Requests to bytes and back.</param>
/// <param name="responseMarshaller">Responses to bytes and back.</param>
public class Method<TRequest, TResponse>(
    MethodType type, string serviceName, string name, Marshaller<TRequest> requestMarshaller, Marshaller<TResponse> responseMarshaller)
    : IMethod
{
    /// <inheritdoc />
    public MethodType Type => type;

    /// <inheritdoc />
    public string ServiceName => serviceName;

    /// <inheritdoc />
    public string Name => name;

    /// <inheritdoc />
    public string FullName { get; } = "/" + serviceName + "/" + name;

    /// <summary>Requests to bytes and back.</summary>
    public Marshaller<TRequest> RequestMarshaller => requestMarshaller;

    /// <summary>Responses to bytes and back.</summary>
    public Marshaller<TResponse> ResponseMarshaller => responseMarshaller;
}
