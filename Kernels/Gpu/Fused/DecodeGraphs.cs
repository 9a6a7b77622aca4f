namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>The graphs of decode steps by shape. A buffer that has moved since makes all of them useless.</summary>
/// <remarks>A shape gets its graph the second time: by then its kernels are loaded, and shapes that come once cost nothing.</remarks>
internal sealed class DecodeGraphs : IDisposable
{
    private readonly Dictionary<(int Rows, int Spans, int Outputs), GpuGraph?> _graphs = [];
    private int _moves;

    /// <summary>The graph of a shape; null the first time.</summary>
    /// <param name="shape">Rows, spans that blocks are launched for, rows of logits.</param>
    /// <param name="moves">How often buffers have moved that graphs hold the addresses of.</param>
    /// <param name="capture">Makes it.</param>
    public GpuGraph? Get((int Rows, int Spans, int Outputs) shape, int moves, Func<GpuGraph> capture)
    {
        if (moves != _moves)
        {
            Clear();
            _moves = moves;
        }

        var isKnown = _graphs.TryGetValue(shape, out var graph);
        return _graphs[shape] = isKnown ? graph ?? capture() : null;
    }

    public void Dispose() => Clear();

    private void Clear()
    {
        foreach (var graph in _graphs.Values)
        {
            graph?.Dispose();
        }

        _graphs.Clear();
    }
}
