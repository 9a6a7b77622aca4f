using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>Which rows of a batch flash_decode takes and which flash_prefill, as the ints that the two kernels read.</summary>
/// <remarks>Both give the same bits; a sequence of few rows is faster by rows, because its context is then split over many blocks.</remarks>
internal sealed class AttentionRows
{
    /// <summary>A sequence of so many rows goes to flash_decode.</summary>
    public const int MostDecodeRows = 4;

    public AttentionRows(ForwardBatch batch)
    {
        var (decode, tiles) = (new List<int>(), new List<(int First, int Rows)>());
        for (var first = 0; first < batch.Rows;)
        {
            var end = first + 1;
            while (end < batch.Rows && batch.SequenceOfRow[end] == batch.SequenceOfRow[first])
            {
                end++;
            }

            if (end - first <= MostDecodeRows)
            {
                decode.AddRange(Enumerable.Range(first, end - first));
            }
            else
            {
                for (var row = first; row < end; row += FlashAttention.PrefillRows)
                {
                    tiles.Add((row, Math.Min(FlashAttention.PrefillRows, end - row)));
                }
            }

            first = end;
        }

        // Blocks start in this order: the longest first, so that none is left running alone.
        tiles.Sort((a, b) => (-batch.Positions[a.First], a.First).CompareTo((-batch.Positions[b.First], b.First)));
        (DecodeCount, TileCount) = (decode.Count, tiles.Count);
        Spans = decode.Count == 0 ? 0 : decode.Max(row => FlashAttention.SpansFor(batch.Positions[row]));
        Ints = [.. decode, .. tiles.SelectMany(tile => (int[])[tile.First, tile.Rows])];
    }

    /// <summary>Rows for flash_decode.</summary>
    public int DecodeCount { get; }

    /// <summary>Tiles of rows for flash_prefill.</summary>
    public int TileCount { get; }

    /// <summary>Spans of the longest row of flash_decode.</summary>
    public int Spans { get; }

    /// <summary>The rows of flash_decode, then first row and number of rows of each tile.</summary>
    public int[] Ints { get; }
}
