namespace Grpc.Core;

/// <summary>Base of generated clients.</summary>
public abstract class ClientBase
{
    /// <summary>For test doubles; such a client can make no calls.</summary>
    protected ClientBase() => CallInvoker = null!;

    /// <summary>A client with a given configuration.</summary>
    protected ClientBase(ClientBaseConfiguration configuration)
        : this(configuration.Invoker)
    {
    }

    /// <summary>A client on a channel.</summary>
    public ClientBase(ChannelBase channel)
        : this(channel.CreateCallInvoker())
    {
    }

    /// <summary>A client on an invoker.</summary>
    public ClientBase(CallInvoker callInvoker) => CallInvoker = callInvoker ?? throw new ArgumentNullException(nameof(callInvoker));

    /// <summary>Starts the calls.</summary>
    protected CallInvoker CallInvoker { get; }

    /// <summary>What a client is made from.</summary>
    protected internal class ClientBaseConfiguration
    {
        internal ClientBaseConfiguration(CallInvoker invoker) => Invoker = invoker;

        internal CallInvoker Invoker { get; }
    }
}
