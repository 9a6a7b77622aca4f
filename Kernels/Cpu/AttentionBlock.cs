namespace QuaRot.Kernels.Cpu;

/// <summary>Some neighbouring rows of one sequence: they share every K and V tile that is read for a key/value head.</summary>
internal readonly record struct AttentionBlock(int FirstRow, int Rows)
{
    private const int FewestRows = 16;

    /// <summary>Pairs of a row and a query head that make laying out a tile cheap beside using it.</summary>
    private const int EnoughPairs = 64;

    [ThreadStatic]
    private static List<AttentionBlock>? _blocks;

    /// <summary>Cuts a batch, of which a key/value head serves so many query heads, into blocks; the list is this thread's, and good until it cuts the next batch.</summary>
    public static List<AttentionBlock> Cut(ForwardBatch batch, int group)
    {
        var blocks = _blocks ??= [];
        blocks.Clear();
        var mostRows = Math.Max(FewestRows, EnoughPairs / group);
        for (var row = 0; row < batch.Rows;)
        {
            var end = row + 1;
            while (end < batch.Rows && end < row + mostRows && batch.SequenceOfRow[end] == batch.SequenceOfRow[row])
            {
                end++;
            }

            blocks.Add(new AttentionBlock(row, end - row));
            row = end;
        }

        return blocks;
    }
}
