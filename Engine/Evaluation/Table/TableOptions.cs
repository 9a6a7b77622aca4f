using QuaRot.Checkpoints.Perplexity;

namespace QuaRot.Engine.Evaluation.Table;

/// <summary>How the table is measured.</summary>
public sealed record TableOptions
{
    /// <summary>Windows of the text.</summary>
    public PerplexityProtocol Protocol { get; init; } = new();

    /// <summary>Rotated rows are measured for each of these; the median is reported.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [0, 1, 2];

    /// <summary>Windows, from the first, over which the formats are compared with the float model; 0 for none.</summary>
    public int ComparedWindows { get; init; } = 4;

    /// <summary>Search the scale of rounded weights (2.4-norm over 80 steps).</summary>
    public bool WeightClipSearch { get; init; } = true;

    /// <summary>Folder under which quantized models and logits are kept while they are needed.</summary>
    public string WorkFolder { get; init; } = Path.GetTempPath();
}
