namespace QuaRot.Engine.Evaluation;

/// <summary>What a model says about the windows of a text, chunk by chunk.</summary>
public interface ILogitSource
{
    /// <summary>Logits for positions 0 to length - 2 of a window, in ascending chunks; all sources cut in the same places.</summary>
    /// <param name="index">Which window of the text.</param>
    /// <param name="window">Its tokens.</param>
    IEnumerable<LogitChunk> Walk(int index, int[] window);
}
