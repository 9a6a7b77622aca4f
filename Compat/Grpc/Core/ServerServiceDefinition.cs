namespace Grpc.Core;

/// <summary>Exists because generated code builds one. The stand-in's server serves by <see cref="ServiceBinderBase"/>.</summary>
public sealed class ServerServiceDefinition
{
    private ServerServiceDefinition()
    {
    }

    /// <summary>A builder.</summary>
    public static Builder CreateBuilder() => new();

    /// <summary>Takes the methods of a service.</summary>
    public sealed class Builder
    {
        /// <summary>Takes a method, of whatever kind the handler says.</summary>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class => this;

        /// <inheritdoc cref="AddMethod{TRequest, TResponse}(Method{TRequest, TResponse}, UnaryServerMethod{TRequest, TResponse})"/>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class => this;

        /// <inheritdoc cref="AddMethod{TRequest, TResponse}(Method{TRequest, TResponse}, UnaryServerMethod{TRequest, TResponse})"/>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class => this;

        /// <summary>The definition.</summary>
        public ServerServiceDefinition Build() => new();
    }
}
