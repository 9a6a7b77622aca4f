namespace Grpc.Core;

/// <summary>How one message is written.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>The message may wait in the buffer for the next one.</summary>
    BufferHint = 0x1,

    /// <summary>The message is not compressed; the stand-in never compresses what it sends.</summary>
    NoCompress = 0x2,
}
