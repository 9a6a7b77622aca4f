namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>How <see cref="GptqQuantizer"/> rounds. The defaults of damping and clip search are those of QuaRot's paper.</summary>
public sealed record GptqOptions
{
    /// <summary>3, 4, 6 or 8.</summary>
    public required int Bits { get; init; }

    /// <summary>Input features that share a scale; 0 means one scale per output channel.</summary>
    public int GroupSize { get; init; }

    /// <summary>Search each scale (2.4-norm over 80 steps) instead of taking it from the largest weight.</summary>
    public bool ClipSearch { get; init; } = true;

    /// <summary>Share of the Hessian's mean diagonal that is added to its diagonal.</summary>
    public double Damping { get; init; } = 0.01;

    /// <summary>Round the columns with the largest Hessian diagonal first ("act_order"); groups then take their scales beforehand.</summary>
    public bool OrderByActivation { get; init; }

    /// <summary>Passes that, after GPTQ, fit scales and codes to the layer's output error again.</summary>
    public int RefinementPasses { get; init; }
}
