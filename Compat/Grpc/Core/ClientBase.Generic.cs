namespace Grpc.Core;

/// <summary>Base of generated clients that can make clients like themselves.</summary>
/// <typeparam name="T">The generated client.</typeparam>
public abstract class ClientBase<T> : ClientBase
    where T : ClientBase<T>
{
    /// <summary>For test doubles; such a client can make no calls.</summary>
    protected ClientBase()
    {
    }

    /// <summary>A client with a given configuration.</summary>
    protected ClientBase(ClientBaseConfiguration configuration)
        : base(configuration)
    {
    }

    /// <summary>A client on a channel.</summary>
    public ClientBase(ChannelBase channel)
        : base(channel)
    {
    }

    /// <summary>A client on an invoker.</summary>
    public ClientBase(CallInvoker callInvoker)
        : base(callInvoker)
    {
    }

    /// <summary>Makes a client from a configuration; generated code implements it.</summary>
    protected abstract T NewInstance(ClientBaseConfiguration configuration);
}
