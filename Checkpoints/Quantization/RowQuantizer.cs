using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization;

/// <summary>One worker of <see cref="WeightQuantizer"/>: quantizes a row at a time in buffers of its own.</summary>
internal sealed class RowQuantizer(IntegerRange range, int group, bool clipSearch)
{
    private readonly ScaleSearch _search = new(range, group);
    private float[] _row = [];
    private sbyte[] _codes = [];

    /// <summary>Fills the scales and the stored codes of row <paramref name="index"/>.</summary>
    public void Quantize(LinearWeights weights, int index, Span<float> scales, Span<byte> stored)
    {
        if (_row.Length != weights.InFeatures)
        {
            _row = new float[weights.InFeatures];
            _codes = new sbyte[weights.InFeatures];
        }

        FloatRows.Read(weights, index, _row);
        for (int g = 0; g < scales.Length; g++)
        {
            Span<float> values = _row.AsSpan(g * group, group);
            scales[g] = _search.Find(values, clipSearch, weights.Name, index);
            Encode(values, scales[g], _codes.AsSpan(g * group, group));
        }

        if (range.Format == WeightFormat.Int4)
        {
            PackedInt4.Pack(_codes, stored);
        }
        else
        {
            MemoryMarshal.AsBytes(_codes.AsSpan()).CopyTo(stored);
        }
    }

    private void Encode(ReadOnlySpan<float> values, float scale, Span<sbyte> codes)
    {
        for (int i = 0; i < values.Length; i++)
        {
            float code = MathF.Round(values[i] / scale, MidpointRounding.ToEven);
            codes[i] = (sbyte)Math.Clamp(code, range.Lowest, range.Highest);
        }
    }
}
