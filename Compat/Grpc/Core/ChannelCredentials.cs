namespace Grpc.Core;

/// <summary>Whether a channel uses TLS.</summary>
public abstract class ChannelCredentials
{
    /// <summary>Plain text.</summary>
    public static ChannelCredentials Insecure { get; } = new TransportCredentials(isSecure: false);

    /// <summary>TLS with the system's trust.</summary>
    public static ChannelCredentials SecureSsl { get; } = new TransportCredentials(isSecure: true);

    internal abstract bool IsSecure { get; }

    private sealed class TransportCredentials(bool isSecure) : ChannelCredentials
    {
        internal override bool IsSecure => isSecure;
    }
}
