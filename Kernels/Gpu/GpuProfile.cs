using ManagedCuda;

namespace QuaRot.Kernels.Gpu;

/// <summary>Events around each launch. For the device's thread alone.</summary>
internal sealed class GpuProfile
{
    private readonly List<(string Kernel, CudaEvent Start, CudaEvent End)> _launches = [];

    public void Before(string kernel, CudaStream stream)
    {
        _launches.Add((kernel, new CudaEvent(), new CudaEvent()));
        _launches[^1].Start.Record(stream.Stream);
    }

    public void After(CudaStream stream) => _launches[^1].End.Record(stream.Stream);

    /// <summary>Sums by kernel, after all launches have ended; a launch's own latency is in it.</summary>
    public IReadOnlyDictionary<string, double> Milliseconds()
    {
        var sums = new Dictionary<string, double>();
        foreach (var (kernel, start, end) in _launches)
        {
            sums[kernel] = sums.GetValueOrDefault(kernel) + CudaEvent.ElapsedTime(start, end);
            start.Dispose();
            end.Dispose();
        }

        return sums;
    }
}
