namespace Grpc.Core;

/// <summary>A method of a service, without its message types.</summary>
public interface IMethod
{
    /// <summary>Which sides stream.</summary>
    MethodType Type { get; }

    /// <summary>The full name of the service, package included.</summary>
    string ServiceName { get; }

    /// <summary>The name of the method alone.</summary>
    string Name { get; }

    /// <summary>"/service/method", the path of the HTTP request.</summary>
    string FullName { get; }
}
