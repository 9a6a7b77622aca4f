using System.Collections.Concurrent;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Buffers for what a stage hands on. A stage has as many under way as the pipeline has micro-batches; allocating each time would stop the GPU.</summary>
/// <remarks>Thread-safe. What is returned may be written at once: work of one GPU is done in order, and a copy of another GPU is waited for on the GPU.</remarks>
internal sealed class ActivationPool(GpuDevice device) : IDisposable
{
    private readonly ConcurrentBag<(DeviceMemory Memory, GpuMark? Copied)> _free = [];
    private volatile bool _isDisposed;

    /// <summary>Where the buffers lie.</summary>
    public GpuDevice Device => device;

    /// <summary>A matrix with the elements that lie at <paramref name="source"/> of the same GPU by then.</summary>
    public GpuActivations Copy(ulong source, int rows, int width)
    {
        var bytes = sizeof(float) * (long)rows * width;
        var memory = _free.TryTake(out var free) ? Settled(free.Memory, free.Copied) : null;
        if (memory is not null && memory.Bytes < bytes)
        {
            memory.Dispose();
            memory = null;
        }

        memory ??= device.Allocate(bytes, $"activations [{rows}, {width}]");
        device.Copy(memory.Address, source, bytes);
        return new(this, memory, rows, width) { Written = device.HasPeers ? device.Mark() : null };
    }

    /// <summary>Takes a buffer back.</summary>
    /// <param name="memory">The buffer.</param>
    /// <param name="copied">Where another GPU will have copied it; null where none does.</param>
    public void Return(DeviceMemory memory, GpuMark? copied)
    {
        if (_isDisposed)
        {
            Settled(memory, copied).Dispose();
            return;
        }

        _free.Add((memory, copied));
    }

    public void Dispose()
    {
        _isDisposed = true;
        while (_free.TryTake(out var free))
        {
            Settled(free.Memory, free.Copied).Dispose();
        }
    }

    private DeviceMemory Settled(DeviceMemory memory, GpuMark? copied)
    {
        if (copied is not null)
        {
            device.After(copied);
        }

        return memory;
    }
}
