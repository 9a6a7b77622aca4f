using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Host;

/// <summary>An embedding table in host memory, in the float format of its checkpoint.</summary>
internal sealed unsafe class HostEmbedding : PackedLinear
{
    private readonly HostMemory _memory;
    private readonly bool _isHalf;

    public HostEmbedding(LinearWeights source)
        : base(source)
    {
        LinearWeightsCheck.Require(source);
        _isHalf = source.Format switch
        {
            WeightFormat.Float16 => true,
            WeightFormat.Float32 => false,
            _ => throw new ArgumentException($"{source.Name}: an embedding of {source.Format}; it must be a float format"),
        };
        _memory = new HostMemory(source.Data.Length);
        source.Data.Span.CopyTo(new Span<byte>(_memory.Pointer, source.Data.Length));
    }

    public override long Bytes => _memory.Bytes;

    /// <summary>Copies the row of a token to <paramref name="destination"/> ([width]).</summary>
    public void CopyRow(int tokenId, Span<float> destination)
    {
        var start = (long)tokenId * InFeatures;
        for (var i = 0; i < InFeatures; i++)
        {
            destination[i] = _isHalf ? (float)((Half*)_memory.Pointer)[start + i] : ((float*)_memory.Pointer)[start + i];
        }
    }

    public override void Dispose() => _memory.Dispose();
}
