using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Grpc.Core;

namespace Grpc.Protocol;

/// <summary>
/// Puts messages into frames: a zero byte (not compressed), the length as four bytes big endian, the message.
/// One message at a time; the buffer is used again for the next one.
/// </summary>
/// <param name="maxMessageSize">The largest message in bytes; null for no limit.</param>
internal sealed class FrameWriter(int? maxMessageSize) : SerializationContext
{
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private bool _completed;

    /// <summary>The frame of a message; valid until the next call.</summary>
    public ReadOnlyMemory<byte> Frame<T>(Marshaller<T> marshaller, T message)
    {
        _completed = false;
        _buffer.ResetWrittenCount();
        _buffer.GetSpan(FrameReader.HeaderSize)[..FrameReader.HeaderSize].Clear();
        _buffer.Advance(FrameReader.HeaderSize);
        marshaller.ContextualSerializer(message, this);
        if (!_completed)
        {
            throw new InvalidOperationException($"The serializer of {typeof(T)} did not complete its message.");
        }

        var length = _buffer.WrittenCount - FrameReader.HeaderSize;
        SetPayloadLength(length);
        BinaryPrimitives.WriteInt32BigEndian(MemoryMarshal.AsMemory(_buffer.WrittenMemory).Span[1..], length);
        return _buffer.WrittenMemory;
    }

    public override void SetPayloadLength(int payloadLength)
    {
        if (payloadLength > maxMessageSize)
        {
            throw new RpcException(new Status(
                StatusCode.ResourceExhausted, "Sending message exceeds the maximum configured message size."));
        }
    }

    public override IBufferWriter<byte> GetBufferWriter() => _buffer;

    public override void Complete() => _completed = true;

    public override void Complete(byte[] payload)
    {
        _buffer.Write(payload);
        _completed = true;
    }
}
