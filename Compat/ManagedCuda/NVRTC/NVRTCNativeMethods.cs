using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;

namespace ManagedCuda.NVRTC;

/// <summary>The run-time compiler's entry points. Strings are ASCII, as sources and options are.</summary>
public static class NVRTCNativeMethods
{
    private const string Compiler = "nvrtc64_120_0";

    /// <summary>Version of the compiler.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcVersion(ref int major, ref int minor);

    /// <summary>Takes a source with its headers.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcCreateProgram(
        ref nvrtcProgram prog, [MarshalAs(UnmanagedType.LPStr)] string src, [MarshalAs(UnmanagedType.LPStr)] string name, int numHeaders,
        nint[] headers, nint[] includeNames);

    /// <summary>Frees it.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcDestroyProgram(ref nvrtcProgram prog);

    /// <summary>Compiles it.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcCompileProgram(nvrtcProgram prog, int numOptions, nint[] options);

    /// <summary>Bytes of the machine code.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcGetCUBINSize(nvrtcProgram prog, ref SizeT cubinSizeRet);

    /// <summary>The machine code.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcGetCUBIN(nvrtcProgram prog, [Out] byte[] cubin);

    /// <summary>Bytes of the log, its final zero included.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram prog, ref SizeT logSizeRet);

    /// <summary>The log.</summary>
    [DllImport(Compiler)]
    public static extern nvrtcResult nvrtcGetProgramLog(nvrtcProgram prog, [Out] byte[] log);
}
