namespace QuaRot.Kernels.Backends;

/// <summary>
/// Float32 memory of one backend: a workspace, a gain or a table. Its shape is the user's: ops say which layout they expect.
/// </summary>
/// <remarks>Not finalized: who allocated it disposes it, and no op may run on it after that.</remarks>
public abstract class FloatBuffer(long length) : IDisposable
{
    /// <summary>Number of elements.</summary>
    public long Length { get; } = length;

    /// <summary>Copies <paramref name="values"/> to the first elements.</summary>
    public abstract void CopyFrom(ReadOnlySpan<float> values);

    /// <summary>Copies the first elements to <paramref name="destination"/>.</summary>
    public abstract void CopyTo(Span<float> destination);

    /// <inheritdoc/>
    public abstract void Dispose();
}
