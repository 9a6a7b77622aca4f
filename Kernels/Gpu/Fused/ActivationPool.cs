using System.Collections.Concurrent;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Buffers for what a stage hands on. A stage has as many under way as the pipeline has micro-batches; allocating each time would stop the GPU.</summary>
/// <remarks>Thread-safe. What is returned may be written at once: work of one GPU is done in order, and another GPU has copied before it lets go.</remarks>
internal sealed class ActivationPool(GpuDevice device) : IDisposable
{
    private readonly ConcurrentBag<DeviceMemory> _free = [];
    private volatile bool _isDisposed;

    /// <summary>Where the buffers lie.</summary>
    public GpuDevice Device => device;

    /// <summary>A matrix, its elements not initialised.</summary>
    public GpuActivations Take(int rows, int width)
    {
        var bytes = sizeof(float) * (long)rows * width;
        if (_free.TryTake(out var memory) && memory.Bytes < bytes)
        {
            memory.Dispose();
            memory = null;
        }

        return new(this, memory ?? device.Allocate(bytes, $"activations [{rows}, {width}]"), rows, width);
    }

    /// <summary>Takes a buffer back.</summary>
    public void Return(DeviceMemory memory)
    {
        if (_isDisposed)
        {
            memory.Dispose();
            return;
        }

        _free.Add(memory);
    }

    public void Dispose()
    {
        _isDisposed = true;
        while (_free.TryTake(out var memory))
        {
            memory.Dispose();
        }
    }
}
