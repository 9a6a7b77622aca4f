namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Logits [rows, vocab] in the stage's own buffer: good until the stage's next batch.</summary>
internal sealed class GpuLogits(DeviceMemory memory, int rows, int width) : Activations(rows, width)
{
    /// <summary>The elements.</summary>
    public DeviceMemory Memory => memory;

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => memory.Read(destination[..(Rows * Width)]);
}
