using System.CommandLine;
using System.Diagnostics;
using QuaRot.Cli.Bench;
using QuaRot.Kernels.Gpu;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot doctor</c>: whether this machine's GPUs can serve, kernel by kernel. Exit code 0 only if all holds.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Check GPUs, driver, compiler and every GPU kernel on this machine");
        command.SetAction((_, token) => Task.Run(() => Run(token), token));
        return command;
    }

    private static int Run(CancellationToken cancellationToken)
    {
        var gpus = GpuInventory.Find();
        Console.WriteLine($"driver:   CUDA {GpuInventory.DriverVersion()}, {gpus.Count} GPU(s), through {GpuInventory.Wrapper}");
        Console.WriteLine($"compiler: NVRTC {GpuInventory.CompilerVersion()}");
        var failures = gpus.Sum(gpu => Examine(gpu, cancellationToken));
        Console.WriteLine(failures == 0 ? "All holds." : $"{failures} of the checks failed.");
        return failures == 0 ? 0 : 1;
    }

    private static int Examine(GpuInfo info, CancellationToken cancellationToken)
    {
        var started = Stopwatch.StartNew();
        using var gpu = GpuBackend.Create(info.Ordinal);
        var (free, total) = gpu.Memory;
        Console.WriteLine($"{info}: compute capability {info.ComputeCapability}, {free / 1e9:0.0} of {total / 1e9:0.0} GB free, "
            + $"kernels ready after {started.Elapsed.TotalSeconds:0.0} s");
        var failures = 0;
        foreach (var check in KernelCheck.All)
        {
            cancellationToken.ThrowIfCancellationRequested();
            failures += Tell(check.Name, check.Run(gpu));
        }

        foreach (var (group, headDim) in ((int, int)[])[(0, 64), (0, 128), (128, 64)])
        {
            cancellationToken.ThrowIfCancellationRequested();
            failures += Tell($"a whole model, heads of {headDim}{(group == 0 ? "" : $", weight groups of {group}")}", FusedCheck.Run(gpu, group, headDim));
        }

        Console.WriteLine($"  memory: {GpuProbe.BytesPerSecond(gpu) / 1e12:0.00} TB/s (copy, read and written)");
        Console.WriteLine($"  INT8:   {GpuProbe.Int8PerSecond(gpu) / 1e12:0} TOP/s (mma.sync)");
        const double Weights = (double)GpuProbe.GemmOut * GpuProbe.GemmIn;
        const int Prefill = 2048;
        Console.WriteLine($"  w4a4_gemm, 1 row: {Weights / 2 / GpuProbe.GemmSeconds(gpu, 1) / 1e12:0.00} TB/s of weights; "
            + $"{Prefill} rows: {2 * Weights * Prefill / GpuProbe.GemmSeconds(gpu, Prefill) / 1e12:0} TOP/s");
        return failures;
    }

    private static int Tell(string name, string? problem)
    {
        Console.WriteLine($"  {(problem is null ? "ok  " : "FAIL")} {name}{(problem is null ? "" : $": {problem}")}");
        return problem is null ? 0 : 1;
    }
}
