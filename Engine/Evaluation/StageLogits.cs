using QuaRot.Kernels;

namespace QuaRot.Engine.Evaluation;

/// <summary>Logits of a whole model on one stage.</summary>
/// <remarks>Prefills in chunks, so that the logits of a large vocabulary need not all be there at once. Not thread-safe.</remarks>
public sealed class StageLogits : ILogitSource
{
    /// <summary>Positions of a chunk.</summary>
    public const int ChunkRows = 256;

    private readonly IModelStage _stage;
    private float[] _values = [];

    /// <summary>Takes a stage that holds all layers; its KV cache must hold a window.</summary>
    public StageLogits(IModelStage stage)
    {
        if (!stage.IsFirst || !stage.IsLast)
            throw new ArgumentException("A window is scored on a stage that holds all layers.", nameof(stage));
        _stage = stage;
    }

    /// <inheritdoc/>
    public IEnumerable<LogitChunk> Walk(int index, int[] window) => From(0, window);

    /// <summary>Logits from position <paramref name="first"/> on; those before it are only read.</summary>
    /// <exception cref="ArgumentException">The window is longer than the KV cache.</exception>
    public IEnumerable<LogitChunk> From(int first, int[] window)
    {
        var pages = (window.Length + _stage.PageSize - 1) / _stage.PageSize;
        if (pages > _stage.PageCount)
            throw new ArgumentException($"A window of {window.Length} tokens needs {pages} KV pages; the stage has {_stage.PageCount}.", nameof(window));
        int[] table = [.. Enumerable.Range(0, pages)];
        return Chunks(first, window, table);
    }

    private IEnumerable<LogitChunk> Chunks(int first, int[] window, int[] table)
    {
        for (var start = 0; start < window.Length - 1; start += ChunkRows)
        {
            var rows = Math.Min(ChunkRows, window.Length - 1 - start);
            var skipped = Math.Clamp(first - start, 0, rows);
            using var logits = _stage.Forward(Batch(window, start, rows, skipped, table), null);
            if (skipped == rows)
                continue;
            var length = logits.Rows * logits.Width;
            if (_values.Length < length)
                _values = new float[length];
            logits.CopyTo(_values.AsSpan(0, length));
            yield return new LogitChunk(start + skipped, logits.Rows, _values.AsMemory(0, length));
        }
    }

    private static ForwardBatch Batch(int[] window, int start, int rows, int skipped, int[] table) => new()
    {
        TokenIds = window[start..(start + rows)],
        Positions = [.. Enumerable.Range(start, rows)],
        SequenceOfRow = new int[rows],
        BlockTables = [table],
        OutputRows = [.. Enumerable.Range(skipped, rows - skipped)],
    };
}
