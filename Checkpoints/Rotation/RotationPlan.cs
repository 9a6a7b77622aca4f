using QuaRot.Checkpoints.Hadamard;

namespace QuaRot.Checkpoints.Rotation;

/// <summary>
/// Which Hadamard transforms a model gets, decided from its sizes alone: the same for the rotation of weights and for the engine.
/// </summary>
/// <remarks>
/// Offline: residual stream by Q, V head-wise by H_head_dim. Online: keys and queries head-wise after RoPE, o_proj's input as
/// <see cref="HeadMixing"/> says, down_proj's input by H_intermediate. QuaRot, section 4 (arXiv 2404.00456).
/// </remarks>
public sealed record RotationPlan
{
    private RotationPlan()
    {
    }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of down_proj's input.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of query heads.</summary>
    public required int NumHeads { get; init; }

    /// <summary>Width of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>The online transform before o_proj.</summary>
    public required HeadMixing HeadMixing { get; init; }

    /// <summary>Decides the transforms of a model.</summary>
    /// <exception cref="ArgumentException">A size has no Hadamard matrix; the message names the field of config.json.</exception>
    public static RotationPlan For(ModelConfig config)
    {
        Require(config.HiddenSize, "hidden_size");
        Require(config.IntermediateSize, "intermediate_size");
        Require(config.HeadDim, "head_dim");
        bool across = HadamardSize.TryFactor(config.NumHeads, out _);
        if (!across)
        {
            Require(config.NumHeads * config.HeadDim, $"num_attention_heads ({config.NumHeads}, which has none itself) times head_dim");
        }

        return new RotationPlan
        {
            HiddenSize = config.HiddenSize,
            IntermediateSize = config.IntermediateSize,
            NumHeads = config.NumHeads,
            HeadDim = config.HeadDim,
            HeadMixing = across ? HeadMixing.AcrossHeads : HeadMixing.WholeInput,
        };
    }

    private static void Require(int size, string field)
    {
        if (!HadamardSize.TryFactor(size, out _))
        {
            throw new ArgumentException(
                $"the model cannot be rotated: there is no Hadamard matrix for {field} = {size}; " +
                $"supported are m·2^k with m in {{{string.Join(", ", HadamardSize.Bases)}}}");
        }
    }
}
