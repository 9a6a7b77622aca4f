using QuaRot.Kernels;

namespace QuaRot.Engine.Evaluation;

/// <summary>Negative log-likelihoods of a window of tokens under a whole model on one stage.</summary>
public sealed class WindowScorer(IModelStage stage)
{
    private readonly StageLogits _logits = new(stage);

    /// <summary>-ln p(token[i+1] | token[0..i]) in nats, for i = 0 to length - 2.</summary>
    public float[] NegativeLogLikelihoods(int[] window)
    {
        var result = new float[window.Length - 1];
        foreach (var chunk in _logits.From(0, window))
            Score(chunk, window, result);
        return result;
    }

    /// <summary>Fills in the positions of one chunk.</summary>
    internal static void Score(LogitChunk chunk, int[] window, float[] result) => Parallel.For(0, chunk.Rows, row =>
        result[chunk.Start + row] = NextToken.NegativeLogLikelihood(chunk.Row(row), window[chunk.Start + row + 1]));
}
