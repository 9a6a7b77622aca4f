using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Gpu;

namespace QuaRot.Cli.Bench;

/// <summary>What computes, and what it could do at most.</summary>
/// <param name="Device"><c>cpu</c>, or the GPU's name.</param>
/// <param name="Threads">Threads of the CPU backend; 0 on a GPU.</param>
/// <param name="VectorBits">Vector width of the CPU backend; 0 on a GPU.</param>
/// <param name="BytesPerSecond">Measured memory bandwidth: a read on the CPU, a copy (read and written) on a GPU.</param>
/// <param name="Int8PerSecond">Measured INT8 operations: byte multiply-adds in registers, on a GPU mma.sync.</param>
internal sealed record BenchMachine(string Device, int Threads, int VectorBits, double BytesPerSecond, double Int8PerSecond)
{
    /// <summary>Measures a CPU.</summary>
    public static BenchMachine Of(CpuBackend cpu) =>
        new("cpu", cpu.Threads, (int)cpu.Width, CpuCeilings.ReadBandwidth(cpu.Threads), CpuCeilings.Int8Peak(cpu.Threads));

    /// <summary>Measures a GPU.</summary>
    public static BenchMachine Of(GpuBackend gpu) =>
        new($"{gpu.Gpu.Name}, CUDA {GpuInventory.DriverVersion()}", 0, 0, GpuProbe.BytesPerSecond(gpu), GpuProbe.Int8PerSecond(gpu));

    /// <summary>A line that says it.</summary>
    public override string ToString() => (Threads == 0 ? Device : $"{Device}, {Threads} threads, {VectorBits} bits")
        + $"; {(Threads == 0 ? "copies" : "reads")} {BytesPerSecond / 1e9:0.0} GB/s, int8 peak {Int8PerSecond / 1e9:0} GOP/s";
}
