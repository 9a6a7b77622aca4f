using System.Runtime.InteropServices;
using System.Text;
using ManagedCuda.BasicTypes;

namespace ManagedCuda.NVRTC;

/// <summary>Compiles CUDA C++ in this process.</summary>
public sealed class CudaRuntimeCompiler : IDisposable
{
    private nvrtcProgram _program;

    /// <summary>Takes a source and the headers that it includes by <paramref name="includeNames"/>.</summary>
    /// <exception cref="DllNotFoundException">There is no libnvrtc.</exception>
    public CudaRuntimeCompiler(string src, string name, string[] headers, string[] includeNames)
    {
        var strings = headers.Concat(includeNames).Select(Marshal.StringToCoTaskMemUTF8).ToArray();
        try
        {
            NVRTCException.Check(NVRTCNativeMethods.nvrtcCreateProgram(
                ref _program, src, name, headers.Length, strings[..headers.Length], strings[headers.Length..]));
        }
        finally
        {
            Array.ForEach(strings, Marshal.FreeCoTaskMem);
        }
    }

    /// <summary>Version of the compiler.</summary>
    public static Version GetVersion()
    {
        var (major, minor) = (0, 0);
        NVRTCException.Check(NVRTCNativeMethods.nvrtcVersion(ref major, ref minor));
        return new Version(major, minor);
    }

    /// <summary>Compiles.</summary>
    /// <exception cref="NVRTCException">It does not compile; see <see cref="GetLogAsString"/>.</exception>
    public void Compile(string[] options)
    {
        var strings = options.Select(Marshal.StringToCoTaskMemUTF8).ToArray();
        try
        {
            NVRTCException.Check(NVRTCNativeMethods.nvrtcCompileProgram(_program, options.Length, strings));
        }
        finally
        {
            Array.ForEach(strings, Marshal.FreeCoTaskMem);
        }
    }

    /// <summary>The machine code, where the options name a real architecture (sm_..).</summary>
    public byte[] GetCubin()
    {
        SizeT size = 0L;
        NVRTCException.Check(NVRTCNativeMethods.nvrtcGetCUBINSize(_program, ref size));
        var cubin = new byte[(long)size];
        NVRTCException.Check(NVRTCNativeMethods.nvrtcGetCUBIN(_program, cubin));
        return cubin;
    }

    /// <summary>What the compiler had to say.</summary>
    public string GetLogAsString()
    {
        SizeT size = 0L;
        NVRTCException.Check(NVRTCNativeMethods.nvrtcGetProgramLogSize(_program, ref size));
        var log = new byte[(long)size];
        NVRTCException.Check(NVRTCNativeMethods.nvrtcGetProgramLog(_program, log));
        return Encoding.UTF8.GetString(log).TrimEnd('\0', '\n');
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_program.Pointer != 0)
        {
            _ = NVRTCNativeMethods.nvrtcDestroyProgram(ref _program);
            _program = default;
        }
    }
}
