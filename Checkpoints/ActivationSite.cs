namespace QuaRot.Checkpoints;

/// <summary>Where a decoder layer quantizes activations; the numbers are positions in config.json.</summary>
public enum ActivationSite : byte
{
    /// <summary>After the first norm: the input of q, k and v.</summary>
    AttentionInput = 0,

    /// <summary>The input of o_proj.</summary>
    AttentionOutput = 1,

    /// <summary>After the second norm: the input of gate and up.</summary>
    MlpInput = 2,

    /// <summary>The input of down_proj.</summary>
    DownInput = 3,
}
