namespace QuaRot.Engine.Evaluation;

/// <summary>Logits of consecutive positions of a window.</summary>
/// <param name="Start">Position of the first row; row r predicts the token at Start + r + 1.</param>
/// <param name="Rows">Positions.</param>
/// <param name="Logits">[rows, vocab], row-major; valid until the next chunk is taken.</param>
public readonly record struct LogitChunk(int Start, int Rows, ReadOnlyMemory<float> Logits)
{
    /// <summary>Elements of a row.</summary>
    public int Vocab => Rows == 0 ? 0 : Logits.Length / Rows;

    /// <summary>[vocab] logits of one row.</summary>
    public ReadOnlySpan<float> Row(int row) => Logits.Span.Slice(row * Vocab, Vocab);
}
