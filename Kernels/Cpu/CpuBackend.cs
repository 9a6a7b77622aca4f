using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>The vectorised multi-core backend. Bit for bit the reference backend, at any vector width and thread count.</summary>
public abstract class CpuBackend : HostBackend
{
    private protected CpuBackend(int threads) => Workers = new WorkerPool(threads);

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <summary>Vector width it computes with.</summary>
    public abstract SimdWidth Width { get; }

    /// <summary>Threads it computes with.</summary>
    public int Threads => Workers.Count;

    private protected WorkerPool Workers { get; }

    /// <summary>True where this machine can run a width.</summary>
    public static bool Supports(SimdWidth width) => width switch
    {
        SimdWidth.Vector512 => Lanes512.IsFast && Bytes512.IsFast,
        SimdWidth.Vector256 => Lanes256.IsFast && Bytes256.IsFast,
        _ => width == SimdWidth.Vector128,
    };

    /// <summary>Creates a backend.</summary>
    /// <param name="width">Vector width; by default the widest that the machine supports.</param>
    /// <param name="threads">Threads; by default one per processor.</param>
    /// <exception cref="ArgumentException">The machine does not support the width.</exception>
    public static CpuBackend Create(SimdWidth? width = null, int? threads = null)
    {
        var chosen = width ?? new[] { SimdWidth.Vector512, SimdWidth.Vector256, SimdWidth.Vector128 }.First(Supports);
        var count = threads ?? Environment.ProcessorCount;
        return !Supports(chosen)
            ? throw new ArgumentException($"this machine has no {chosen} instructions", nameof(width))
            : chosen switch
            {
                SimdWidth.Vector512 => new CpuBackend<Lanes512, Bytes512>(chosen, count),
                SimdWidth.Vector256 => new CpuBackend<Lanes256, Bytes256>(chosen, count),
                _ => new CpuBackend<Lanes128, Bytes128>(chosen, count),
            };
    }

    /// <inheritdoc/>
    public override PackedLinear LoadLinear(LinearWeights weights) => CpuLinear.Pack(weights);

    /// <inheritdoc/>
    public override void Dispose()
    {
        Workers.Dispose();
        base.Dispose();
    }
}
