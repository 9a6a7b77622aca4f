using QuaRot.Checkpoints;

namespace QuaRot.Engine.Evaluation.Table;

/// <summary>One format of the quality table.</summary>
/// <param name="Id">Short name to choose it by, for example <c>int4-rtn</c>.</param>
/// <param name="Section">Which table of the paper it belongs to: a word to choose a group of rows by.</param>
/// <param name="Name">For readers.</param>
/// <param name="Options">Bits, groups and rotation; the seed is filled in for each run.</param>
/// <param name="Method">How weights are quantized, by the name that the caller's <see cref="RowQuantizer"/> knows.</param>
public sealed record TableRow(string Id, string Section, string Name, QuantizationConfig Options, string Method)
{
    /// <summary>True where the seed of the rotation makes a difference.</summary>
    public bool IsSeeded => Options.Rotate;
}
