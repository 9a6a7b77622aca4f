using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using ManagedCuda;
using ManagedCuda.NVRTC;

namespace QuaRot.Kernels.Gpu;

/// <summary>Finds the driver and the run-time compiler where they are installed, once the loader has found nothing by ManagedCuda's names for them.</summary>
/// <remarks>
/// Those are the files' names on Windows; on Linux the package tries libcuda.so and libnvrtc.so before, which need not be there. It has the one
/// resolver that an assembly may have, so that an event has to do.
/// </remarks>
internal static class CudaLibraries
{
    private const string Driver = "nvcuda";
    private const string Compiler = "nvrtc64_120_0";

    private static Assembly[] Users => [typeof(CudaContext).Assembly, typeof(CudaRuntimeCompiler).Assembly];

    /// <summary>Must run before the first call into either library.</summary>
    public static void Register()
    {
        foreach (var context in Users.Select(AssemblyLoadContext.GetLoadContext).OfType<AssemblyLoadContext>().Distinct())
        {
            context.ResolvingUnmanagedDll -= Resolve;
            context.ResolvingUnmanagedDll += Resolve;
        }
    }

    /// <summary>The driver; 0 where there is none.</summary>
    public static nint LoadDriver() => Load(Driver);

    /// <summary>Files that may be what ManagedCuda calls by this name, in the order in which they are tried.</summary>
    public static string[] Candidates(string name) => name switch
    {
        Driver => ["libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "nvcuda.dll"],
        Compiler => CompilerCandidates(),
        _ => [],
    };

    private static nint Resolve(Assembly assembly, string name) => Users.Contains(assembly) ? Load(name) : 0;

    private static nint Load(string name)
    {
        foreach (var candidate in Candidates(name))
        {
            if (NativeLibrary.TryLoad(candidate, out var handle))
            {
                return handle;
            }
        }

        return 0;
    }

    /// <summary>QUAROT_NVRTC first, then the loader's own path, the newest first, then the toolkit's folders.</summary>
    private static string[] CompilerCandidates()
    {
        string[] names = ["libnvrtc.so.13", "libnvrtc.so.12"];
        var folders = new[] { Environment.GetEnvironmentVariable("CUDA_HOME"), "/usr/local/cuda" }
            .OfType<string>()
            .Concat(Directory.Exists("/usr/local") ? Directory.GetDirectories("/usr/local", "cuda-*").OrderDescending() : [])
            .SelectMany(root => new[] { Path.Combine(root, "lib64"), Path.Combine(root, "targets", "x86_64-linux", "lib") });
        return
        [
            .. new[] { Environment.GetEnvironmentVariable("QUAROT_NVRTC") }.OfType<string>(),
            .. names,
            .. folders.SelectMany(folder => names.Select(file => Path.Combine(folder, file))),
        ];
    }
}
