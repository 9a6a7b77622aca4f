namespace QuaRot.Engine.Inspection;

/// <summary>Where a decoder layer's values are quantized.</summary>
public enum InspectedSite
{
    /// <summary>Input of q, k and v projection.</summary>
    AttentionInput,

    /// <summary>Input of o_proj.</summary>
    OutputInput,

    /// <summary>Input of gate and up projection.</summary>
    MlpInput,

    /// <summary>Input of down_proj.</summary>
    DownInput,

    /// <summary>Cached keys.</summary>
    Key,

    /// <summary>Cached values.</summary>
    Value,
}
