namespace QuaRot.Kernels.Cpu;

/// <summary>Up to 16 neighbouring rows of one sequence: they share every K and V tile that is read for a key/value head.</summary>
internal readonly record struct AttentionBlock(int FirstRow, int Rows)
{
    private const int MostRows = 16;

    [ThreadStatic]
    private static List<AttentionBlock>? _blocks;

    /// <summary>Cuts a batch into blocks; the list is this thread's, and good until it cuts the next batch.</summary>
    public static List<AttentionBlock> Cut(ForwardBatch batch)
    {
        var blocks = _blocks ??= [];
        blocks.Clear();
        for (var row = 0; row < batch.Rows;)
        {
            var end = row + 1;
            while (end < batch.Rows && end < row + MostRows && batch.SequenceOfRow[end] == batch.SequenceOfRow[row])
            {
                end++;
            }

            blocks.Add(new AttentionBlock(row, end - row));
            row = end;
        }

        return blocks;
    }
}
