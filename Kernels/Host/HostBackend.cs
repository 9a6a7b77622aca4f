using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Host;

/// <summary>What the backends that work in host memory share: allocation, and the ops that only move data.</summary>
public abstract class HostBackend : Backend
{
    /// <inheritdoc/>
    public override FloatBuffer AllocateFloats(long length) => new HostFloats(length);

    /// <inheritdoc/>
    public override QuantizedRows AllocateRows(int maxRows, int maxWidth) => new HostRows(maxRows, maxWidth);

    /// <inheritdoc/>
    public override KvCache AllocateKvCache(KvLayout layout) => new HostKvCache(layout);

    /// <inheritdoc/>
    public override PackedLinear LoadEmbedding(LinearWeights weights) => new HostEmbedding(weights);

    /// <inheritdoc/>
    public override void EmbedTokens(PackedLinear table, ReadOnlySpan<int> tokenIds, FloatBuffer x)
    {
        var embedding = (HostEmbedding)table;
        for (var row = 0; row < tokenIds.Length; row++)
        {
            embedding.CopyRow(tokenIds[row], Floats(x).Slice((long)row * table.InFeatures, table.InFeatures));
        }
    }

    /// <inheritdoc/>
    public override unsafe void RoundGroups(FloatBuffer x, QuantizedRows y, int rows, int width, int group, int bits, float clip)
    {
        var (source, target) = (Floats(x), Rows(y));
        target.Begin(rows, width, 16);
        var floats = target.Floats();
        Parallel.For(0, rows, row =>
        {
            var rounded = new Span<float>(floats + ((long)row * target.Stride), target.Stride);
            Span<sbyte> codes = stackalloc sbyte[Math.Min(group, 4096)];
            for (var first = 0; first < width; first += group)
            {
                var scale = Reference.QuantizePerToken.Row(source.Slice(((long)row * width) + first, group), bits, clip, codes);
                for (var i = 0; i < group; i++)
                {
                    rounded[first + i] = codes[i] * scale;
                }
            }

            rounded[width..].Clear();
        });
    }

    /// <inheritdoc/>
    public override void GatherRows(FloatBuffer x, ReadOnlySpan<int> rows, FloatBuffer y, int width)
    {
        for (var i = 0; i < rows.Length; i++)
        {
            Floats(x).Slice((long)rows[i] * width, width).CopyTo(Floats(y).Slice((long)i * width, width));
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => GC.SuppressFinalize(this);

    private protected static HostFloats Floats(FloatBuffer buffer) => (HostFloats)buffer;

    private protected static HostRows Rows(QuantizedRows rows) => (HostRows)rows;

    private protected static HostKvCache Cache(KvCache cache) => (HostKvCache)cache;
}
