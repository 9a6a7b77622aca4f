using QuaRot.Checkpoints.Hadamard;

namespace QuaRot.Checkpoints.Rotation;

/// <summary>The transforms around attention: V's output, and o_proj's input to match it and the engine's online transform.</summary>
internal sealed class HeadTransforms
{
    private readonly RotationPlan _plan;
    private readonly HadamardTransform _withinHead;
    private readonly HadamardTransform _mixing;

    public HeadTransforms(RotationPlan plan)
    {
        _plan = plan;
        _withinHead = new HadamardTransform(plan.HeadDim);
        _mixing = plan.HeadMixing == HeadMixing.AcrossHeads
            ? new HadamardTransform(plan.NumHeads, inner: plan.HeadDim)
            : new HadamardTransform(plan.NumHeads * plan.HeadDim);
    }

    /// <summary>row·(I ⊗ H_head_dim) for a row of any number of heads: what V's output is multiplied by.</summary>
    public void WithinHeads(Span<double> row)
    {
        for (int start = 0; start < row.Length; start += _plan.HeadDim)
        {
            _withinHead.Apply(row.Slice(start, _plan.HeadDim));
        }
    }

    /// <summary>The same followed by the online transform: what o_proj's input is multiplied by by the time it gets there.</summary>
    /// <remarks>
    /// With T = (I ⊗ H_head_dim)·M the layer must see a·T: a·Woᵀ = (a·T)·(Wo·T)ᵀ, so that Wo's rows are multiplied by T, not by its
    /// inverse.
    /// </remarks>
    public void WithinAndAcrossHeads(Span<double> row)
    {
        WithinHeads(row);
        _mixing.Apply(row);
    }

    /// <summary>Undoes <see cref="WithinAndAcrossHeads"/>.</summary>
    public void UndoWithinAndAcrossHeads(Span<double> row)
    {
        _mixing.ApplyTransposed(row);
        for (int start = 0; start < row.Length; start += _plan.HeadDim)
        {
            _withinHead.ApplyTransposed(row.Slice(start, _plan.HeadDim));
        }
    }
}
