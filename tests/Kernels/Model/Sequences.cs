namespace QuaRot.Kernels.Tests.Model;

/// <summary>Drives stages the way an engine does: batches in, logits out.</summary>
internal static class Sequences
{
    /// <summary>A batch of one sequence: rows [start, start + ids.Length) of it; all rows are output rows.</summary>
    public static ForwardBatch Single(ReadOnlySpan<int> ids, int start, int[] blockTable) => new()
    {
        TokenIds = ids.ToArray(),
        Positions = [.. Enumerable.Range(start, ids.Length)],
        SequenceOfRow = new int[ids.Length],
        BlockTables = [blockTable],
        OutputRows = [.. Enumerable.Range(0, ids.Length)],
    };

    /// <summary>[rows][vocab] logits after all stages, handing the activations over.</summary>
    public static float[][] Forward(IReadOnlyList<IModelStage> stages, ForwardBatch batch)
    {
        Activations? x = null;
        foreach (var stage in stages)
        {
            var y = stage.Forward(batch, x);
            x?.Dispose();
            x = y;
        }

        using var logits = x!;
        var values = new float[logits.Rows * logits.Width];
        logits.CopyTo(values);
        return [.. values.Chunk(logits.Width)];
    }

    /// <summary>Greedy continuation of a prompt until <paramref name="end"/> or <paramref name="count"/> tokens.</summary>
    public static List<int> Greedy(IModelStage stage, ReadOnlySpan<int> prompt, int count, int? end)
    {
        int[] pages = [.. Enumerable.Range(0, stage.PageCount)];
        var logits = Forward([stage], Single(prompt, 0, pages) with { OutputRows = [prompt.Length - 1] })[0];
        var tokens = new List<int>();
        while (true)
        {
            tokens.Add(ArgMax(logits));
            if (tokens.Count == count || tokens[^1] == end)
            {
                return tokens;
            }

            logits = Forward([stage], Single([tokens[^1]], prompt.Length + tokens.Count - 1, pages))[0];
        }
    }

    public static int ArgMax(float[] logits) => Array.IndexOf(logits, logits.Max());
}
