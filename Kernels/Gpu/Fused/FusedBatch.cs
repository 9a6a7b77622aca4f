namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>The ints of a batch on the device, at addresses that do not move while the number of rows stays.</summary>
/// <remarks>
/// [rows] token ids, [rows] output rows, then what the kernels' struct Batch reads ([rows] positions, [rows] starts of block tables, block tables), then the
/// lists of <see cref="AttentionRows"/>. A graph reads them where they lie; the next batch of as many rows is written over them.
/// </remarks>
internal sealed class FusedBatch(GpuDevice device, int rows, int pagesOfSequence) : IDisposable
{
    private readonly DeviceMemory _memory = device.Allocate(sizeof(int) * (long)rows * (7 + pagesOfSequence), $"block tables of {rows} rows");
    private int _rows, _attentionAt;

    /// <summary>[rows] token ids.</summary>
    public ulong TokenIds => _memory.Address;

    /// <summary>[rows] positions.</summary>
    public ulong Positions => At(2 * _rows);

    /// <summary>[output rows] rows whose logits are wanted.</summary>
    public ulong OutputRows => At(_rows);

    /// <summary>Positions, starts and block tables, as struct Batch.</summary>
    public LaunchArgument Rows => new(At(2 * _rows), (uint)_rows);

    /// <summary>Rows of flash_decode, then tiles of flash_prefill.</summary>
    public ulong AttentionInts => At(_attentionAt);

    /// <summary>Queues the upload; launches queued later read the new batch.</summary>
    public void Set(ForwardBatch batch, ReadOnlySpan<int> attention)
    {
        var tables = BatchInts.Pack(batch);
        (_rows, _attentionAt) = (batch.Rows, (2 * batch.Rows) + tables.Length);
        var ints = new int[_attentionAt + attention.Length];
        batch.TokenIds.CopyTo(ints, 0);
        batch.OutputRows.CopyTo(ints, batch.Rows);
        tables.CopyTo(ints, 2 * batch.Rows);
        attention.CopyTo(ints.AsSpan(_attentionAt));
        device.Upload(_memory, ints);
    }

    public void Dispose() => _memory.Dispose();

    private ulong At(int index) => _memory.Address + ((ulong)index * sizeof(int));
}
