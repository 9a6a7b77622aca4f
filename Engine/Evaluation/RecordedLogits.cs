using System.Runtime.InteropServices;

namespace QuaRot.Engine.Evaluation;

/// <summary>Logits of a model's first windows, kept in a file so that many models can be compared with it.</summary>
/// <remarks>The file holds float32 [windows, length - 1, vocab]; the caller removes it.</remarks>
public sealed class RecordedLogits : ILogitSource, IDisposable
{
    private readonly FileStream _file;
    private readonly List<LogitChunk> _chunks = [];
    private float[] _values = [];
    private long _windowFloats;

    /// <summary>An empty record.</summary>
    /// <param name="file">File to create.</param>
    /// <exception cref="IOException">It cannot be created.</exception>
    public RecordedLogits(string file) => _file = new FileStream(file, FileMode.CreateNew, FileAccess.ReadWrite);

    /// <summary>Windows recorded.</summary>
    public int Windows { get; private set; }

    /// <summary>Passes a window's chunks on, and records them.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public IEnumerable<LogitChunk> Record(IEnumerable<LogitChunk> window)
    {
        foreach (var chunk in window)
        {
            _file.Write(MemoryMarshal.AsBytes(chunk.Logits.Span));
            if (Windows == 0)
                _chunks.Add(chunk with { Logits = default });
            _windowFloats += Windows == 0 ? chunk.Logits.Length : 0;
            yield return chunk;
        }

        Windows++;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The window was not recorded.</exception>
    public IEnumerable<LogitChunk> Walk(int index, int[] window)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Windows);
        return Read(index, window.Length - 1);
    }

    private IEnumerable<LogitChunk> Read(int index, int positions)
    {
        var vocab = (int)(_windowFloats / positions);
        _file.Position = index * _windowFloats * sizeof(float);
        foreach (var chunk in _chunks)
        {
            var length = chunk.Rows * vocab;
            if (_values.Length < length)
                _values = new float[length];
            _file.ReadExactly(MemoryMarshal.AsBytes(_values.AsSpan(0, length)));
            yield return chunk with { Logits = _values.AsMemory(0, length) };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
