using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Tests.Ops;

/// <summary>One long sequence, stored before the test begins; several block tables name its pages, so that rows seem to be of several.</summary>
internal sealed class LongCache : IDisposable
{
    private readonly Backend _backend;
    private readonly KvCache _cache;
    private readonly int[] _table;

    public LongCache(Backend backend, KvLayout layout, int length, int seed)
    {
        var pages = KvLayout.PagesFor(length);
        _backend = backend;
        _cache = backend.AllocateKvCache(layout with { PageCount = pages });
        _cache.Fill(0xFF);
        _table = [.. Enumerable.Range(0, pages).Reverse()];
        var count = length * layout.KvHeads * layout.HeadDim;
        using var keys = backend.Upload(Data.Normal(count, seed));
        using var values = backend.Upload(Data.Normal(count, seed + 1));
        backend.AppendPagedKvCache(keys, values, _cache, 0, Batch([.. Enumerable.Range(0, length)], new int[length]));
    }

    /// <summary>Attention of rows at these positions, whose queries depend on the position alone.</summary>
    public float[] Attend(int[] positions, int[] sequences, int group)
    {
        var heads = _cache.Layout.KvHeads * group;
        using var q = _backend.Upload([.. positions.SelectMany(position => Data.Normal(heads * _cache.Layout.HeadDim, position))]);
        using var o = _backend.Upload(Data.Poison((int)q.Length));
        _backend.Attention(q, _cache, 0, Batch(positions, sequences), heads, o);
        var output = new float[o.Length];
        o.CopyTo(output);
        return output;
    }

    public void Dispose() => _cache.Dispose();

    private ForwardBatch Batch(int[] positions, int[] sequences) => new()
    {
        TokenIds = new int[positions.Length],
        Positions = positions,
        SequenceOfRow = sequences,
        BlockTables = [.. Enumerable.Repeat(_table, sequences.Max() + 1)],
        OutputRows = [],
    };
}
