using System.Reflection;
using System.Runtime.InteropServices;

namespace ManagedCuda;

/// <summary>Finds the driver and the run-time compiler under the names and in the places where they are installed.</summary>
internal static class NativeLibraries
{
    public const string Compiler = "libnvrtc";

    private static readonly Lock Gate = new();
    private static bool _isRegistered;

    /// <summary>Must run before the first call into either library.</summary>
    public static void Register()
    {
        lock (Gate)
        {
            if (!_isRegistered)
            {
                NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);
                _isRegistered = true;
            }
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        var candidates = name switch
        {
            DriverAPINativeMethods.Driver => ["libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "nvcuda.dll"],
            Compiler => CompilerCandidates(),
            _ => Array.Empty<string>(),
        };
        foreach (var candidate in candidates)
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
