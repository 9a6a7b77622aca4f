namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>The ints of a batch on the device: token ids, output rows, then what the kernels' struct Batch reads, at addresses that do not move.</summary>
/// <remarks>
/// [rows] token ids, [rows] output rows, [rows] positions, [rows] starts of block tables, block tables, and for a prefill its segments.
/// A graph reads them where they lie; the next batch of the same shape is written over them.
/// </remarks>
internal sealed class FusedBatch(GpuDevice device, int rows, int pagesOfSequence) : IDisposable
{
    private readonly DeviceMemory _memory = device.Allocate(
        sizeof(int) * (long)rows * (4 + SegmentInts + pagesOfSequence), $"block tables of {rows} rows");

    private ForwardBatch? _batch;

    /// <summary>Ints of a segment: first row, rows, sequence.</summary>
    public const int SegmentInts = 3;

    /// <summary>[rows] token ids.</summary>
    public ulong TokenIds => _memory.Address;

    /// <summary>[output rows] rows whose logits are wanted.</summary>
    public ulong OutputRows => At(_batch!.Rows);

    /// <summary>Positions, starts and block tables, as struct Batch.</summary>
    public LaunchArgument Rows => new(At(2 * _batch!.Rows), (uint)_batch.Rows);

    /// <summary>[segments][first row, rows, sequence] of a prefill.</summary>
    public ulong Segments { get; private set; }

    /// <summary>Number of segments.</summary>
    public int SegmentCount { get; private set; }

    /// <summary>Queues the upload; launches queued later read the new batch.</summary>
    public void Set(ForwardBatch batch)
    {
        _batch = batch;
        var tables = BatchInts.Pack(batch);
        var segments = FindSegments(batch);
        var ints = new int[(2 * batch.Rows) + tables.Length + segments.Length];
        batch.TokenIds.CopyTo(ints, 0);
        batch.OutputRows.CopyTo(ints, batch.Rows);
        tables.CopyTo(ints, 2 * batch.Rows);
        segments.CopyTo(ints, (2 * batch.Rows) + tables.Length);
        Segments = At((2 * batch.Rows) + tables.Length);
        SegmentCount = segments.Length / SegmentInts;
        device.Upload(_memory, ints);
    }

    public void Dispose() => _memory.Dispose();

    private static int[] FindSegments(ForwardBatch batch)
    {
        var segments = new List<int>();
        for (var row = 0; row < batch.Rows;)
        {
            var first = row;
            while (row < batch.Rows && batch.SequenceOfRow[row] == batch.SequenceOfRow[first])
            {
                row++;
            }

            segments.AddRange([first, row - first, batch.SequenceOfRow[first]]);
        }

        return [.. segments];
    }

    private ulong At(int index) => _memory.Address + ((ulong)index * sizeof(int));
}
