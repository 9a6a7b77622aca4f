namespace QuaRot.Checkpoints;

/// <summary>How weights are rounded; the names in lower case stand in config.json.</summary>
public enum WeightMethod : byte
{
    /// <summary>Each to the nearest code.</summary>
    Rtn = 0,

    /// <summary>Column by column, making up for earlier roundings, for the inputs seen in a calibration text.</summary>
    Gptq = 1,
}
