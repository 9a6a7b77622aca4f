using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>
/// Launches flash_decode, flash_prefill and what belongs to them, on device addresses: the same for the backend's ops and for whoever
/// records launches in another way. What a kernel takes and its grid stand in the header of its source.
/// </summary>
/// <remarks>
/// A "batch" argument is the kernels' struct Batch (<see cref="BatchInts"/>): the ints at one address may change between the replays of a
/// recorded launch, their number of rows may not. Shapes are the caller's to check.
/// </remarks>
internal sealed class FlashAttention(FlashAttention.LaunchKernel launch, int multiprocessors)
{
    /// <summary>Rows of a block of flash_prefill.</summary>
    public const int PrefillRows = 64;

    /// <summary>Positions of a span: 8 tiles.</summary>
    public const int SpanPositions = 8 * KvLayout.PageSize;

    private const int DecodeThreads = 256;
    private const int DecodeBlocksOfMultiprocessor = 2;

    /// <summary>kLoadsAhead of flash_decode.cu.</summary>
    private const int MostHeadsLoadedAhead = 2;

    private const int PrefillThreads = 128;
    private const int WarpsOfRope = 4;

    /// <summary>From here the GPU is full with a warp for four heads.</summary>
    private const int FewestRowsOfWideRope = 128;

    /// <summary>Queues a kernel.</summary>
    public delegate void LaunchKernel(string kernel, LaunchGrid grid, int sharedBytes, ReadOnlySpan<LaunchArgument> arguments);

    /// <summary>Spans of a row whose last position is <paramref name="position"/>.</summary>
    public static int SpansFor(int position) => (position / SpanPositions) + 1;

    /// <summary>Whether flash_decode and flash_prefill have this layout: K and V of 3 to 8 bits, heads of 64 or 128 elements.</summary>
    public static bool Supports(KvLayout layout) => layout.KeyBits <= 8 && layout.ValueBits <= 8 && layout.HeadDim is 64 or 128;

    /// <summary>Whether rope_append has this layout: K and V of 3 to 8 bits, heads of 32, 64, 128 or 256 elements.</summary>
    public static bool SupportsRopeAppend(KvLayout layout) =>
        layout.KeyBits <= 8 && layout.ValueBits <= 8 && layout.HeadDim is 32 or 64 or 128 or 256;

    /// <summary>
    /// apply_rope, hadamard_transform and the 8-bit codes of q; apply_rope, hadamard_transform and append_paged_kv_cache of k; the append of v.
    /// </summary>
    /// <param name="qkv">float [rows, heads + 2·kv_heads, head_dim], 16-byte aligned: q, k, v. Not changed.</param>
    /// <param name="rope">(cosines, sines), float [positions, head_dim / 2].</param>
    /// <param name="cache">Takes k and v.</param>
    /// <param name="layer">Layer of the cache.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="isRotated">Whether q and k get their head-wise Hadamard transform.</param>
    /// <param name="q">Takes the codes of q.</param>
    public void LaunchRopeAppend(
        ulong qkv, (ulong Cos, ulong Sin) rope, GpuKvCache cache, int layer, LaunchArgument batch, int rows, int heads, bool isRotated, QueryCodes q)
    {
        var layout = cache.Layout;
        var all = heads + (2 * layout.KvHeads);
        var hadamardScale = isRotated ? (float)(1 / Math.Sqrt(layout.HeadDim)) : 0f;
        var headsOfWarp = rows < FewestRowsOfWideRope ? 1 : 4;
        launch($"rope_append_{layout.HeadDim}{(headsOfWarp == 1 ? "" : "_x4")}", LaunchGrid.Blocks(LaunchGrid.Parts(all, WarpsOfRope * headsOfWarp), rows, 32 * WarpsOfRope), 0,
            [Address(qkv), Address(rope.Cos), Address(rope.Sin), cache.Memory, layout.PageBytes, cache.Plane(layer, false), cache.Plane(layer, true),
                batch, heads, layout.KvHeads, hadamardScale, ScoreScale(layout.HeadDim), layout.Clip,
                Address(q.Codes), Address(q.Scales), Address(q.Sums)]);
    }

    /// <summary>The 8-bit codes of queries alone.</summary>
    /// <param name="q">float [count, head_dim]</param>
    /// <param name="codes">Takes [count, head_dim] codes, [count] scales and sums.</param>
    /// <param name="count">Rows times heads.</param>
    /// <param name="headDim">Elements of a head, at most 256.</param>
    public void LaunchQuantizeQuery(ulong q, QueryCodes codes, long count, int headDim) =>
        launch("quantize_query", LaunchGrid.Blocks(LaunchGrid.Parts(count, WarpsOfRope), 32 * WarpsOfRope), 0,
            [Address(q), Address(codes.Codes), Address(codes.Scales), Address(codes.Sums), count, headDim, ScoreScale(headDim)]);

    /// <summary>flash_decode and merge_states.</summary>
    /// <param name="q">Codes of all rows of the batch.</param>
    /// <param name="cache">Holds the rows' own k and v already.</param>
    /// <param name="layer">Layer of the cache.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="rowList">int [rows]: which rows of the batch; 0 for rows 0, 1, 2, ...</param>
    /// <param name="rows">How many.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="o">float [rows of the batch, heads, head_dim], 16-byte aligned.</param>
    /// <param name="states">Room for <paramref name="rows"/> rows; its addresses may be 0 with a stride of 1.</param>
    /// <param name="spans">Spans of the longest row, or more.</param>
    /// <param name="isSettled">
    /// Whether all but the last page of each row was written before the launch that precedes flash_decode: true for one row a sequence.
    /// </param>
    public void LaunchDecode(
        QueryCodes q, GpuKvCache cache, int layer, LaunchArgument batch, ulong rowList, int rows, int heads, ulong o, SpanStates states, int spans, bool isSettled)
    {
        var layout = cache.Layout;
        var group = heads / layout.KvHeads;
        var headsOfBlock = KernelBits(layout) != "44" ? 8 : group <= 2 ? group : group <= 4 ? 4 : 8;
        var blocks = layout.KvHeads * LaunchGrid.Parts(group, headsOfBlock);
        launch($"flash_decode_{layout.HeadDim}_{KernelBits(layout)}_{headsOfBlock}",
            new LaunchGrid(blocks, rows, headsOfBlock <= MostHeadsLoadedAhead ? SpansAtOnce(blocks * rows, spans) : spans, DecodeThreads), 0,
            [Address(q.Codes), Address(q.Scales), Address(q.Sums), cache.Memory, layout.PageBytes, cache.Plane(layer, false), cache.Plane(layer, true),
                batch, Address(rowList), heads, layout.KvHeads, Address(o), Address(states.Outputs), Address(states.MaximaAndSums), Address(states.Arrived),
                states.Stride, isSettled]);
    }

    /// <summary>
    /// Spans that get blocks of their own, for a kernel whose blocks load their next span ahead: the fewest with which all are done as early as with any.
    /// </summary>
    /// <param name="blocks">Blocks of a span.</param>
    /// <param name="spans">Spans, at least 1.</param>
    private int SpansAtOnce(long blocks, int spans)
    {
        var places = DecodeBlocksOfMultiprocessor * multiprocessors;
        return Enumerable.Range(1, spans).MinBy(atOnce => LaunchGrid.Parts(blocks * atOnce, places) * LaunchGrid.Parts(spans, atOnce));
    }

    /// <summary>flash_prefill.</summary>
    /// <param name="q">Codes of all rows of the batch.</param>
    /// <param name="cache">Holds the rows' own k and v already.</param>
    /// <param name="layer">Layer of the cache.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="tileList">int [tiles, 2]: first row, and 1 to <see cref="PrefillRows"/> rows of one sequence; best with the longest first.</param>
    /// <param name="tiles">How many.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="o">float [rows of the batch, heads, head_dim], 16-byte aligned.</param>
    public void LaunchPrefill(QueryCodes q, GpuKvCache cache, int layer, LaunchArgument batch, ulong tileList, int tiles, int heads, ulong o)
    {
        var layout = cache.Layout;
        launch($"flash_prefill_{layout.HeadDim}_{KernelBits(layout)}", LaunchGrid.Blocks(heads, tiles, PrefillThreads), PrefillSharedBytes(layout),
            [Address(q.Codes), Address(q.Scales), Address(q.Sums), cache.Memory, layout.PageBytes, cache.Plane(layer, false), cache.Plane(layer, true),
                batch, Address(tileList), layout.KvHeads, Address(o)]);
    }

    /// <summary>Attention in plain loops for every other layout of 3 to 8 bits, heads of at most 256 elements.</summary>
    public void LaunchPlain(QueryCodes q, GpuKvCache cache, int layer, LaunchArgument batch, int rows, int heads, ulong o)
    {
        var layout = cache.Layout;
        launch("attention_int", LaunchGrid.Blocks(heads, rows, 128), 0,
            [Address(q.Codes), Address(q.Scales), Address(q.Sums), cache.Memory, layout.PageBytes, cache.Plane(layer, false), cache.Plane(layer, true),
                batch, layout.KvHeads, layout.HeadDim, Address(o)]);
    }

    // PrefillMemory of flash_prefill.cu: operands, raw codes, scales twice, and the totals of 64 rows.
    private static int PrefillSharedBytes(KvLayout layout)
    {
        var operands = 2 * KvLayout.PageSize * layout.HeadDim;
        var raw = KvLayout.PageSize * (layout.HeadBytes(layout.KeyBits) + layout.HeadBytes(layout.ValueBits));
        var scales = KvLayout.PageSize * ((4 * 2) + (4 * 4));
        return operands + raw + scales + (PrefillRows * layout.HeadDim * sizeof(float));
    }

    private static float ScoreScale(int headDim) => 1f / MathF.Sqrt(headDim);

    private static string KernelBits(KvLayout layout) => $"{(layout.KeyBits <= 4 ? 4 : 8)}{(layout.ValueBits <= 4 ? 4 : 8)}";

    private static LaunchArgument Address(ulong address) => new(address, 0);
}
