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
}
