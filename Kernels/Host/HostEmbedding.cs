using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Host;

/// <summary>An embedding table in host memory, in the float format of its checkpoint.</summary>
internal sealed unsafe class HostEmbedding : PackedLinear
{
    private readonly HostMemory _memory;
    private readonly WeightFormat _format;
    private readonly int _rowBytes;

    public HostEmbedding(LinearWeights source)
        : base(source)
    {
        LinearWeightsCheck.Require(source);
        _format = source.Format is WeightFormat.Int4 or WeightFormat.Int8
            ? throw new ArgumentException($"{source.Name}: an embedding of {source.Format}; it must be a float format")
            : source.Format;
        _rowBytes = source.RowBytes;
        _memory = new HostMemory(source.Data.Length);
        source.Data.Span.CopyTo(new Span<byte>(_memory.Pointer, source.Data.Length));
    }

    public override long Bytes => _memory.Bytes;

    /// <summary>Copies the row of a token to <paramref name="destination"/> ([width]).</summary>
    public void CopyRow(int tokenId, Span<float> destination)
    {
        var row = new ReadOnlySpan<byte>(_memory.Pointer + ((long)tokenId * _rowBytes), _rowBytes);
        switch (_format)
        {
            case WeightFormat.Float16:
                var halves = MemoryMarshal.Cast<byte, Half>(row);
                for (var i = 0; i < halves.Length; i++)
                {
                    destination[i] = (float)halves[i];
                }

                break;
            case WeightFormat.BFloat16:
                BFloat16.Widen(row, destination);
                break;
            default:
                MemoryMarshal.Cast<byte, float>(row).CopyTo(destination);
                break;
        }
    }

    public override void Dispose() => _memory.Dispose();
}
