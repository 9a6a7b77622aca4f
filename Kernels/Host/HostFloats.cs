using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Host;

/// <summary>A <see cref="FloatBuffer"/> in host memory.</summary>
internal sealed unsafe class HostFloats(long length) : FloatBuffer(length)
{
    private readonly HostMemory _memory = new(length * sizeof(float));

    public float* Pointer => (float*)_memory.Pointer;

    /// <summary>Elements <paramref name="start"/> to start + length.</summary>
    public Span<float> Slice(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + length, Length);
        return new(Pointer + start, length);
    }

    public override void CopyFrom(ReadOnlySpan<float> values) => values.CopyTo(Slice(0, values.Length));

    public override void CopyTo(Span<float> destination) => Slice(0, destination.Length).CopyTo(destination);

    public override void Dispose() => _memory.Dispose();
}
