namespace Grpc.Core;

/// <summary>Exists so that subclasses of <see cref="ServerCallContext"/> compile; no server makes one.</summary>
public abstract class ContextPropagationToken
{
    internal ContextPropagationToken()
    {
    }
}
