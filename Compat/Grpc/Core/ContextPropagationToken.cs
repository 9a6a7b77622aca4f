namespace Grpc.Core;

/// <summary>Exists so that subclasses of <see cref="ServerCallContext"/> compile; neither the real library nor the stand-in makes one.</summary>
public abstract class ContextPropagationToken
{
    internal ContextPropagationToken()
    {
    }
}
