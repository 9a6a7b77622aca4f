namespace Grpc.Core;

/// <summary>A channel to one server.</summary>
/// <param name="target">The address, for people.</param>
public abstract class ChannelBase(string target)
{
    /// <summary>The address, for people.</summary>
    public string Target { get; } = target ?? throw new ArgumentNullException(nameof(target));

    /// <summary>An invoker that makes its calls on this channel.</summary>
    public abstract CallInvoker CreateCallInvoker();
}
