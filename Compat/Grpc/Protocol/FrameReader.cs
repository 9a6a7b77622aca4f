using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using Grpc.Core;

namespace Grpc.Protocol;

/// <summary>Takes messages out of the frames of a stream (see <see cref="FrameWriter"/>), compressed ones included.</summary>
/// <param name="pipe">The body of a request or response.</param>
/// <param name="maxMessageSize">The largest message in bytes, before and after decompression; null for no limit.</param>
/// <param name="encoding">The value of grpc-encoding, null without one.</param>
internal sealed class FrameReader(PipeReader pipe, int? maxMessageSize, string? encoding) : DeserializationContext
{
    public const int HeaderSize = 5;

    private ReadOnlySequence<byte> _payload;

    public override int PayloadLength => (int)_payload.Length;

    public override byte[] PayloadAsNewBuffer() => _payload.ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _payload;

    /// <summary>The next message, or null where the stream ends between two messages.</summary>
    /// <exception cref="RpcException">The frame is malformed, cut short, too large, or compressed in an unknown way.</exception>
    public async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
        where T : class
    {
        while (true)
        {
            var result = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
            var (consumed, examined) = (result.Buffer.Start, result.Buffer.End);
            try
            {
                if (TryTakeFrame(result.Buffer, out var end))
                {
                    consumed = examined = end;
                    return marshaller.ContextualDeserializer(this);
                }

                if (result.IsCompleted)
                {
                    return result.Buffer.IsEmpty ? null : throw Failure(StatusCode.Internal, "Incomplete message.");
                }
            }
            finally
            {
                // The payload lies in the pipe's memory: it is given back only after the message is parsed.
                _payload = default;
                pipe.AdvanceTo(consumed, examined);
            }
        }
    }

    private static RpcException Failure(StatusCode code, string detail) => new(new Status(code, detail));

    private static RpcException TooLarge() =>
        Failure(StatusCode.ResourceExhausted, "Received message exceeds the maximum configured message size.");

    private bool TryTakeFrame(in ReadOnlySequence<byte> buffer, out SequencePosition end)
    {
        end = default;
        Span<byte> header = stackalloc byte[HeaderSize];
        if (buffer.Length < HeaderSize)
        {
            return false;
        }

        buffer.Slice(0, HeaderSize).CopyTo(header);
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (header[0] > 1)
        {
            throw Failure(StatusCode.Internal, $"Unexpected compressed flag value {header[0]} in message header.");
        }

        if (length > (maxMessageSize ?? int.MaxValue))
        {
            throw TooLarge();
        }

        if (buffer.Length < HeaderSize + length)
        {
            return false;
        }

        _payload = buffer.Slice(HeaderSize, length);
        end = _payload.End;
        if (header[0] == 1)
        {
            _payload = Decompress(_payload);
        }

        return true;
    }

    private ReadOnlySequence<byte> Decompress(ReadOnlySequence<byte> compressed)
    {
        if (encoding is null or "identity")
        {
            throw Failure(StatusCode.Internal, $"A message is compressed but grpc-encoding is {encoding ?? "absent"}.");
        }

        if (encoding != "gzip")
        {
            throw Failure(StatusCode.Unimplemented,
                $"Unsupported grpc-encoding value '{encoding}'. Supported encodings: {Wire.SupportedEncodings}");
        }

        try
        {
            return new ReadOnlySequence<byte>(Inflate(new GZipStream(new MemoryStream(compressed.ToArray()), CompressionMode.Decompress)));
        }
        catch (InvalidDataException e)
        {
            throw new RpcException(new Status(StatusCode.Internal, "A compressed message is not valid gzip.", e));
        }
    }

    // The limit holds for what comes out, too: a few bytes of gzip can swell to gigabytes.
    private ReadOnlyMemory<byte> Inflate(GZipStream source)
    {
        var output = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = source.Read(output.GetSpan(4096));
            if (read == 0)
            {
                return output.WrittenMemory;
            }

            output.Advance(read);
            if (output.WrittenCount > maxMessageSize)
            {
                throw TooLarge();
            }
        }
    }
}
