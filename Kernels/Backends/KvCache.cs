namespace QuaRot.Kernels.Backends;

/// <summary>A stage's slice of the paged KV cache, allocated once.</summary>
public abstract class KvCache(KvLayout layout) : IDisposable
{
    /// <summary>Shape and addresses.</summary>
    public KvLayout Layout { get; } = layout;

    /// <summary>
    /// Copies what is stored for one position: elements of K by head, scales and minima of K by head, then the same of V.
    /// </summary>
    /// <param name="layer">Layer of this stage, counted from its first.</param>
    /// <param name="page">Page id.</param>
    /// <param name="slot">Position in the page.</param>
    /// <param name="destination">[<see cref="KvLayout.SlotBytes"/>]</param>
    public abstract void CopyKvBytes(int layer, int page, int slot, Span<byte> destination);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Overwrites every byte: tests poison what no position has written yet.</summary>
    internal abstract void Fill(byte value);
}
