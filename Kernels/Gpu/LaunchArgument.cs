namespace QuaRot.Kernels.Gpu;

/// <summary>One argument of a kernel: up to 16 bytes as they lie in the kernel's parameter, or a block of up to 128.</summary>
internal readonly record struct LaunchArgument(ulong Low, ulong High, byte[]? Block = null)
{
    public static implicit operator LaunchArgument(int value) => new((uint)value, 0);

    public static implicit operator LaunchArgument(long value) => new((ulong)value, 0);

    public static implicit operator LaunchArgument(ulong value) => new(value, 0);

    public static implicit operator LaunchArgument(float value) => new(BitConverter.SingleToUInt32Bits(value), 0);

    public static implicit operator LaunchArgument(bool value) => new(value ? 1u : 0u, 0);

    public static implicit operator LaunchArgument(DeviceMemory? memory) => new(memory?.Address ?? 0, 0);

    public static implicit operator LaunchArgument(TensorMap map) => new(0, 0, map.Bytes);
}
