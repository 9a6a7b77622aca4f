namespace Grpc.AspNetCore.Server;

/// <summary>An interceptor type with arguments of its constructor.</summary>
public class InterceptorRegistration
{
    internal InterceptorRegistration(Type type, object[] arguments)
    {
        Type = type;
        Arguments = arguments;
    }

    /// <summary>The type of the interceptor.</summary>
    public Type Type { get; }

    /// <summary>Arguments that do not come from the services.</summary>
    public IReadOnlyList<object> Arguments { get; }
}
