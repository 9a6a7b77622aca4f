using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>A batch as the kernels' struct Batch reads it: positions [rows], start of each row's block table [rows], block tables.</summary>
internal static class BatchInts
{
    public static int[] Pack(ForwardBatch batch)
    {
        var (rows, tables) = (batch.Rows, batch.BlockTables);
        var starts = new int[tables.Length + 1];
        for (var i = 0; i < tables.Length; i++)
        {
            starts[i + 1] = starts[i] + tables[i].Length;
        }

        var ints = new int[(2 * rows) + starts[^1]];
        batch.Positions.CopyTo(ints, 0);
        for (var row = 0; row < rows; row++)
        {
            ints[rows + row] = starts[batch.SequenceOfRow[row]];
        }

        for (var i = 0; i < tables.Length; i++)
        {
            tables[i].CopyTo(ints, (2 * rows) + starts[i]);
        }

        return ints;
    }

    /// <summary>The struct itself: address and rows.</summary>
    public static LaunchArgument Argument(DeviceMemory ints, ForwardBatch batch) => new(ints.Address, (uint)batch.Rows);

    /// <summary>The kernels trust page ids: what does not lie in the cache is refused here.</summary>
    /// <exception cref="ArgumentException">Names the row.</exception>
    public static void Require(ForwardBatch batch, KvLayout layout)
    {
        for (var row = 0; row < batch.Rows; row++)
        {
            var table = batch.BlockTables[batch.SequenceOfRow[row]];
            var pages = (batch.Positions[row] / KvLayout.PageSize) + 1;
            for (var i = 0; i < pages; i++)
            {
                if (i >= table.Length || (uint)table[i] >= (uint)layout.PageCount)
                {
                    throw new ArgumentException($"row {row} at position {batch.Positions[row]}: page {i} of its block table is not in the cache");
                }
            }
        }
    }
}
