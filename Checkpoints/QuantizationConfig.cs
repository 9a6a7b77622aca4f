namespace QuaRot.Checkpoints;

/// <summary>What <c>quantization_config</c> in config.json says: bits, groups, clip ratios and where the checkpoint came from.</summary>
/// <remarks>Bits are 3 to 8 or 16; 16 means "not quantized" (FP16 storage). QuaRot, arXiv 2404.00456, section 4.</remarks>
public sealed record QuantizationConfig
{
    /// <summary>Value of <c>quant_method</c> in config.json.</summary>
    public const string Method = "quarot";

    /// <summary>Bits of the linear weights of the decoder layers.</summary>
    public int WeightBits { get; init; } = 4;

    /// <summary>Bits of the input of every linear layer.</summary>
    public int ActivationBits { get; init; } = 4;

    /// <summary>Bits of cached keys.</summary>
    public int KeyBits { get; init; } = 4;

    /// <summary>Bits of cached values.</summary>
    public int ValueBits { get; init; } = 4;

    /// <summary>Input features that share a weight scale; 0 means one scale per output channel.</summary>
    public int GroupSize { get; init; }

    /// <summary>Elements of a linear layer's input that share a scale, of one token; 0 means one scale for a token.</summary>
    public int ActivationGroupSize { get; init; }

    /// <summary>True when the model was rotated, so that the engine runs the online Hadamard transforms.</summary>
    public bool Rotate { get; init; } = true;

    /// <summary>
    /// True when a vector is added behind each norm of the decoder layers, which moves the mean of their outputs to zero; the biases of
    /// q, k, v, gate and up take it back.
    /// </summary>
    public bool NormBias { get; init; }

    /// <summary>Seed of the randomised Hadamard matrix of the residual stream.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Ratio by which the largest activation of a token is clipped before quantization, where <see cref="ActivationClips"/> says nothing.
    /// </summary>
    public float ActivationClip { get; init; } = 0.9f;

    /// <summary>A ratio for each layer and site, found by calibration; null where <see cref="ActivationClip"/> serves all.</summary>
    public ActivationClips? ActivationClips { get; init; }

    /// <summary>Ratio by which the range of a cached key or value head is clipped before quantization.</summary>
    public float KvClip { get; init; } = 0.95f;

    /// <summary>True when each weight scale was searched (2.4-norm over 80 steps) instead of taken from the largest weight.</summary>
    public bool WeightClipSearch { get; init; } = true;

    /// <summary>How the weights were rounded.</summary>
    public WeightMethod WeightMethod { get; init; }

    /// <summary>SHA-256 of the source tensors, in hex.</summary>
    public string SourceHash { get; init; } = "";

    /// <summary>The ratio for the input of a linear layer.</summary>
    /// <param name="layer">Decoder layer, counted from the model's first.</param>
    /// <param name="site">Which input.</param>
    public float ActivationClipOf(int layer, ActivationSite site) => ActivationClips?.Of(layer, site) ?? ActivationClip;
}
