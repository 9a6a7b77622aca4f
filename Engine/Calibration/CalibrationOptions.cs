namespace QuaRot.Engine.Calibration;

/// <summary>How a model is calibrated: how much text, and which of the steps beyond QuaRot's paper are taken (ADR 16).</summary>
public sealed record CalibrationOptions
{
    /// <summary>Sequences.</summary>
    public int Samples { get; init; } = 128;

    /// <summary>Tokens of a sequence; the model's context where that is shorter.</summary>
    public int Length { get; init; } = 1024;

    /// <summary>Share of the Hessian's mean diagonal that GPTQ adds to its diagonal.</summary>
    public double Damping { get; init; } = 0.01;

    /// <summary>Round the columns with the largest inputs first ("act_order").</summary>
    public bool OrderByActivation { get; init; } = true;

    /// <summary>Calibrate on activations and KV cache as they are when served, instead of unquantized ones as in the paper's code.</summary>
    public bool QuantizedInputs { get; init; } = true;

    /// <summary>Match the float model's outputs instead of the float weights'; takes the float model along.</summary>
    public bool MatchOutputs { get; init; } = true;

    /// <summary>
    /// Share of what the residual stream lacks by then that o_proj and down_proj make up for; only with <see cref="MatchOutputs"/>.
    /// </summary>
    public float ResidualShare { get; init; }

    /// <summary>Share of the mean squared input that holds the matched weights to the float ones.</summary>
    public double MatchDamping { get; init; } = 0.001;

    /// <summary>Scale channels against each other where that is free.</summary>
    public bool Balance { get; init; } = true;

    /// <summary>Search an activation clip for each layer and site.</summary>
    public bool SearchClips { get; init; } = true;

    /// <summary>Subtract the mean behind each norm before it is rounded; the biases of the linear layers there take it back.</summary>
    public bool CentreInputs { get; init; } = true;

    /// <summary>Match the float model's logits by lm_head; only with <see cref="MatchOutputs"/>.</summary>
    public bool MatchHead { get; init; } = true;

    /// <summary>Passes that fit scales and codes to the outputs after GPTQ.</summary>
    public int RefinementPasses { get; init; }

    /// <summary>The recipe of QuaRot's paper: GPTQ on unquantized inputs, in the order of the columns, one activation clip, nothing else.</summary>
    public CalibrationOptions AsInThePaper() => this with
    {
        OrderByActivation = false,
        QuantizedInputs = false,
        MatchOutputs = false,
        ResidualShare = 0,
        Balance = false,
        SearchClips = false,
        CentreInputs = false,
        RefinementPasses = 0,
    };
}
