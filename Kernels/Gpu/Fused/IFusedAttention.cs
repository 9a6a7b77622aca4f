namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>The part of a layer between the two GEMMs of attention, for one batch.</summary>
internal interface IFusedAttention
{
    /// <summary>Queues RoPE, rotation, append to the cache and attention of a layer: from <paramref name="qkv"/> to <paramref name="o"/>.</summary>
    void Launch(int layer, DeviceMemory qkv, DeviceMemory o);
}
