namespace QuaRot.Engine.Evaluation.Table;

/// <summary>A row's figures for all of its seeds.</summary>
/// <param name="Row">The row; null for the float model itself.</param>
/// <param name="Seeds">One entry for each seed; none where there is a problem.</param>
/// <param name="Elapsed">Time for quantizing and measuring them all.</param>
/// <param name="Problem">Why the model cannot have this format, for example a group size that does not divide its layers; else null.</param>
public sealed record RowResult(TableRow? Row, IReadOnlyList<RowFigures> Seeds, TimeSpan Elapsed, string? Problem = null)
{
    /// <summary>The figures of the seed with the median perplexity, the lower one of two in the middle; null where there are none.</summary>
    public RowFigures? Median => Seeds.OrderBy(seed => seed.Perplexity).ElementAtOrDefault((Seeds.Count - 1) / 2);
}
