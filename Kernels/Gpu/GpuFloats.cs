using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>A <see cref="FloatBuffer"/> in device memory.</summary>
internal sealed class GpuFloats(GpuDevice device, long length)
    : FloatBuffer(length)
{
    public DeviceMemory Memory { get; } = device.Allocate(length * sizeof(float), $"a buffer of {length} floats");

    public override void CopyFrom(ReadOnlySpan<float> values) => Memory.Write(values);

    public override void CopyTo(Span<float> destination) => Memory.Read(destination);

    public override void Dispose() => Memory.Dispose();
}
