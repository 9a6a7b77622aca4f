namespace QuaRot.Checkpoints;

/// <summary>How a model stretches its rotary frequencies to contexts beyond those it was pre-trained on.</summary>
public sealed record RopeScaling
{
    /// <summary>Which formula.</summary>
    public required RopeScalingKind Kind { get; init; }

    /// <summary>What (low) frequencies are divided by; at least 1.</summary>
    public required float Factor { get; init; }

    /// <summary>Llama3: wavelengths above <see cref="OriginalMaxPositions"/> over this are divided; 0 for another kind.</summary>
    public float LowFreqFactor { get; init; }

    /// <summary>Llama3: wavelengths below <see cref="OriginalMaxPositions"/> over this are kept; above <see cref="LowFreqFactor"/>.</summary>
    public float HighFreqFactor { get; init; }

    /// <summary>Llama3: context of the pre-training in tokens; 0 for another kind.</summary>
    public int OriginalMaxPositions { get; init; }
}
