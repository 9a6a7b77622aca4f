namespace Grpc.Core;

/// <summary>Base of clients generated with the "lite_client" option.</summary>
public abstract class LiteClientBase
{
    /// <summary>For test doubles; such a client can make no calls.</summary>
    protected LiteClientBase() => CallInvoker = null!;

    /// <summary>A client on a channel.</summary>
    public LiteClientBase(ChannelBase channel) => CallInvoker = channel.CreateCallInvoker();

    /// <summary>A client on an invoker.</summary>
    public LiteClientBase(CallInvoker callInvoker) => CallInvoker = callInvoker ?? throw new ArgumentNullException(nameof(callInvoker));

    /// <summary>Starts the calls.</summary>
    protected CallInvoker CallInvoker { get; }
}
