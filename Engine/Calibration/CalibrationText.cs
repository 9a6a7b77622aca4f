using QuaRot.Checkpoints;

namespace QuaRot.Engine.Calibration;

/// <summary>Cuts a calibration text into sequences.</summary>
public static class CalibrationText
{
    /// <summary>Sequences that start at equal distances in the text, or follow each other where it is short.</summary>
    /// <param name="tokens">Ids of the text, begin-of-text first where the model has one.</param>
    /// <param name="config">The model: its context limits a sequence, its widest layer says how many tokens are needed.</param>
    /// <param name="calibration">Number and length of sequences.</param>
    /// <exception cref="ArgumentException">The options are out of range, or the text is too short; says by how much.</exception>
    public static IReadOnlyList<int[]> Cut(int[] tokens, ModelConfig config, CalibrationOptions calibration)
    {
        if (calibration.Samples < 1 || calibration.Length < 2)
            throw new ArgumentException($"calibration takes at least 1 sequence of 2 tokens, not {calibration.Samples} of {calibration.Length}");
        var length = Math.Min(calibration.Length, config.MaxPositions);
        var count = Math.Min(calibration.Samples, tokens.Length / length);
        var widest = Math.Max(Math.Max(config.HiddenSize, config.IntermediateSize), config.NumHeads * config.HeadDim);
        if ((long)count * length < widest)
        {
            throw new ArgumentException(
                $"the calibration text is too short: {tokens.Length} tokens make {count} sequences of {length}; "
                + $"a layer of {widest} inputs needs at least as many tokens");
        }

        var step = count == 1 ? 0 : (tokens.Length - length) / (count - 1);
        return [.. Enumerable.Range(0, count).Select(i => tokens.AsSpan(i * step, length).ToArray())];
    }
}
