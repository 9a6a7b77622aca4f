using QuaRot.Engine.Evaluation;

namespace QuaRot.Engine.Tests.Evaluation;

/// <summary>Logits that a test writes down: [windows][positions][vocab], handed out two positions at a time.</summary>
internal sealed class FixedLogits(float[][][] windows) : ILogitSource
{
    public IEnumerable<LogitChunk> Walk(int index, int[] window)
    {
        for (var start = 0; start < windows[index].Length; start += 2)
        {
            var rows = windows[index].Skip(start).Take(2).ToArray();
            yield return new LogitChunk(start, rows.Length, rows.SelectMany(row => row).ToArray());
        }
    }
}
