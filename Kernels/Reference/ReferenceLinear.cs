using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Reference;

/// <summary>A linear layer as its checkpoint stores it.</summary>
internal sealed class ReferenceLinear : PackedLinear
{
    private readonly LinearWeights _source;

    public ReferenceLinear(LinearWeights source)
        : base(source)
    {
        LinearWeightsCheck.Require(source);
        _source = source with { Data = source.Data.ToArray() };
    }

    public bool IsInteger => _source.Format is WeightFormat.Int4 or WeightFormat.Int8;

    public float[]? Bias => _source.Bias;

    public override long Bytes => _source.Data.Length + (4L * (_source.Scales.Length + (Bias?.Length ?? 0)));

    /// <summary>The integer code W[o, k].</summary>
    public int Code(int o, int k)
    {
        var data = _source.Data.Span;
        var at = ((long)o * InFeatures) + k;
        if (_source.Format == WeightFormat.Int8)
        {
            return (sbyte)data[(int)at];
        }

        var nibble = (data[(int)(at / 2)] >> (int)(4 * (at % 2))) & 15;
        return nibble >= 8 ? nibble - 16 : nibble;
    }

    /// <summary>Scale of channel <paramref name="o"/> in a group.</summary>
    public float Scale(int o, int group) => _source.Scales[(o * Groups) + group];

    /// <summary>W[o, k] as a float: the element itself, or (float)code·scale.</summary>
    public float Weight(int o, int k)
    {
        var at = (o * InFeatures) + k;
        return _source.Format switch
        {
            WeightFormat.Float32 => MemoryMarshal.Cast<byte, float>(_source.Data.Span)[at],
            WeightFormat.Float16 => (float)MemoryMarshal.Cast<byte, Half>(_source.Data.Span)[at],
            WeightFormat.BFloat16 => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(_source.Data.Span)[at] << 16),
            _ => Code(o, k) * Scale(o, k / GroupSize),
        };
    }

    public override void Dispose()
    {
        // Managed memory only.
    }
}
