namespace Grpc.Core;

/// <summary>Options of the writes that follow.</summary>
/// <param name="flags">How messages are written.</param>
public class WriteOptions(WriteFlags flags = default)
{
    /// <summary>No flags: each message is flushed.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>How messages are written.</summary>
    public WriteFlags Flags => flags;
}
