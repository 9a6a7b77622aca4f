using QuaRot.Kernels;

namespace QuaRot.Engine.Evaluation;

/// <summary>Negative log-likelihoods of a window of tokens under a whole model on one stage.</summary>
/// <remarks>Prefills in chunks, so that the logits of a large vocabulary need not all be there at once.</remarks>
public sealed class WindowScorer
{
    private const int ChunkRows = 256;

    private readonly IModelStage _stage;

    /// <summary>Takes a stage that holds all layers; its KV cache must hold a window.</summary>
    public WindowScorer(IModelStage stage)
    {
        if (!stage.IsFirst || !stage.IsLast)
            throw new ArgumentException("A window is scored on a stage that holds all layers.", nameof(stage));
        _stage = stage;
    }

    /// <summary>-ln p(token[i+1] | token[0..i]) in nats, for i = 0 to length - 2.</summary>
    public float[] NegativeLogLikelihoods(int[] window)
    {
        var pages = (window.Length + _stage.PageSize - 1) / _stage.PageSize;
        if (pages > _stage.PageCount)
            throw new ArgumentException($"A window of {window.Length} tokens needs {pages} KV pages; the stage has {_stage.PageCount}.", nameof(window));
        var blockTable = Enumerable.Range(0, pages).ToArray();
        var result = new float[window.Length - 1];
        for (var start = 0; start < result.Length; start += ChunkRows)
            Score(window, start, Math.Min(ChunkRows, result.Length - start), blockTable, result);
        return result;
    }

    private void Score(int[] window, int start, int rows, int[] blockTable, float[] result)
    {
        var batch = new ForwardBatch
        {
            TokenIds = window[start..(start + rows)],
            Positions = [.. Enumerable.Range(start, rows)],
            SequenceOfRow = new int[rows],
            BlockTables = [blockTable],
            OutputRows = [.. Enumerable.Range(0, rows)],
        };
        using var logits = _stage.Forward(batch, null);
        var values = new float[rows * logits.Width];
        logits.CopyTo(values);
        Parallel.For(0, rows, row =>
            result[start + row] = NegativeLogLikelihood(values.AsSpan(row * logits.Width, logits.Width), window[start + row + 1]));
    }

    private static float NegativeLogLikelihood(ReadOnlySpan<float> logits, int token)
    {
        var max = float.NegativeInfinity;
        foreach (var logit in logits)
            max = MathF.Max(max, logit);
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - max);
        return (float)(Math.Log(sum) + max - logits[token]);
    }
}
