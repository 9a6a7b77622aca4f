namespace QuaRot.Kernels.Cpu;

/// <summary>Up to 16 neighbouring rows of one sequence: they share every K and V tile that is read for a key/value head.</summary>
internal readonly record struct AttentionBlock(int FirstRow, int Rows)
{
    private const int MostRows = 16;

    /// <summary>Cuts a batch into blocks.</summary>
    public static List<AttentionBlock> Cut(ForwardBatch batch)
    {
        var blocks = new List<AttentionBlock>();
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
