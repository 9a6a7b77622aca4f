namespace QuaRot.Checkpoints;

/// <summary>A way of stretching rotary frequencies. Explicit and append-only.</summary>
public enum RopeScalingKind : byte
{
    /// <summary>Every frequency is divided by the factor ("position interpolation", arXiv 2306.15595).</summary>
    Linear = 0,

    /// <summary>Llama 3.1's: low frequencies are divided by the factor, high ones kept, those between blended.</summary>
    Llama3 = 1,
}
