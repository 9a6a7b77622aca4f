namespace QuaRot.Checkpoints;

/// <summary>A linear layer y = x·Wᵀ + b, W being [out, in] row-major, float or integer with scales.</summary>
public sealed record LinearWeights
{
    /// <summary>Tensor name in the checkpoint, for error messages.</summary>
    public required string Name { get; init; }

    /// <summary>Rows of W.</summary>
    public required int OutFeatures { get; init; }

    /// <summary>Columns of W.</summary>
    public required int InFeatures { get; init; }

    /// <summary>Layout of <see cref="Data"/>.</summary>
    public required WeightFormat Format { get; init; }

    /// <summary>The elements, row-major; possibly a view of a mapped file, so valid as long as its checkpoint is open.</summary>
    public required ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>[out, in / group] scales of an integer format (w = code · scale); empty for a float format.</summary>
    public float[] Scales { get; init; } = [];

    /// <summary>Input features per scale; 0 means one scale per output channel.</summary>
    public int GroupSize { get; init; }

    /// <summary>[out] or null.</summary>
    public float[]? Bias { get; init; }

    /// <summary>Bytes that one row takes in <see cref="Data"/>.</summary>
    public int RowBytes => Format switch
    {
        WeightFormat.Float32 => InFeatures * 4,
        WeightFormat.Float16 or WeightFormat.BFloat16 => InFeatures * 2,
        WeightFormat.Int8 => InFeatures,
        WeightFormat.Int4 => InFeatures / 2,
        _ => throw new InvalidOperationException($"{Name}: unknown weight format {Format}"),
    };
}
