using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels;

/// <summary>Rows that go through a stage together: some sequences decode one token, others prefill a chunk.</summary>
/// <remarks>Rows of a sequence are contiguous and in ascending position. What a row computes depends on its own sequence alone.</remarks>
public sealed record ForwardBatch
{
    /// <summary>[rows] token ids; read by the first stage only.</summary>
    public required int[] TokenIds { get; init; }

    /// <summary>[rows] absolute position of each row in its sequence.</summary>
    public required int[] Positions { get; init; }

    /// <summary>[rows] index into <see cref="BlockTables"/>.</summary>
    public required int[] SequenceOfRow { get; init; }

    /// <summary>[sequences][pages] page ids; position p lies in page p / page_size at slot p % page_size.</summary>
    public required int[][] BlockTables { get; init; }

    /// <summary>Rows whose logits the last stage computes, ascending.</summary>
    public required int[] OutputRows { get; init; }

    /// <summary>Number of rows.</summary>
    public int Rows => TokenIds.Length;

    /// <summary>Where a row's key and value go.</summary>
    public (int Page, int Slot) PageAndSlot(int row)
    {
        var (page, slot) = Math.DivRem(Positions[row], KvLayout.PageSize);
        return (BlockTables[SequenceOfRow[row]][page], slot);
    }

    /// <summary>Checks that the arrays fit each other and the limits of a stage, before any memory is written.</summary>
    /// <exception cref="ArgumentException">Names the field, the row and the value at fault.</exception>
    public void Require(int vocabSize, int pageCount, int maxPositions)
    {
        if (Rows == 0 || Positions.Length != Rows || SequenceOfRow.Length != Rows)
        {
            throw Problem($"{Rows} token ids, {Positions.Length} positions and {SequenceOfRow.Length} sequences of rows");
        }

        for (var row = 0; row < Rows; row++)
        {
            RequireRow(row, vocabSize, maxPositions);
        }

        foreach (var table in BlockTables)
        {
            foreach (var page in table)
            {
                if ((uint)page >= (uint)pageCount)
                {
                    throw Problem($"page {page} of {pageCount}");
                }
            }
        }

        foreach (var row in OutputRows)
        {
            if ((uint)row >= (uint)Rows)
            {
                throw Problem($"output row {row} of {Rows}");
            }
        }
    }

    private void RequireRow(int row, int vocabSize, int maxPositions)
    {
        var (token, position, sequence) = (TokenIds[row], Positions[row], SequenceOfRow[row]);
        if ((uint)token >= (uint)vocabSize)
        {
            throw Problem($"row {row}: token id {token} is outside the vocabulary of {vocabSize}");
        }

        if ((uint)position >= (uint)maxPositions)
        {
            throw Problem($"row {row}: position {position} is outside the context of {maxPositions}");
        }

        if ((uint)sequence >= (uint)BlockTables.Length)
        {
            throw Problem($"row {row}: sequence {sequence} of {BlockTables.Length}");
        }

        if (row > 0 && sequence == SequenceOfRow[row - 1] && position <= Positions[row - 1])
        {
            throw Problem($"row {row}: position {position} of sequence {sequence} follows position {Positions[row - 1]}");
        }

        var needed = (position / KvLayout.PageSize) + 1;
        if (BlockTables[sequence].Length < needed)
        {
            throw Problem($"row {row}: position {position} needs {needed} pages, sequence {sequence} has {BlockTables[sequence].Length}");
        }
    }

    private static ArgumentException Problem(string text) => new($"forward batch: {text}");
}
