namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Logits [rows, vocab] in the stage's own buffer: good until the stage's next batch.</summary>
internal sealed class GpuLogits(GpuDevice device, ulong address, int rows, int width) : Activations(rows, width)
{
    /// <summary>First element.</summary>
    public ulong Address => address;

    /// <inheritdoc/>
    public override unsafe void CopyTo(Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, Rows * Width);
        fixed (float* target = destination)
        {
            if (Rows > 0)
            {
                device.CopyToHost((nint)target, address, sizeof(float) * (long)Rows * Width);
            }
        }
    }
}
