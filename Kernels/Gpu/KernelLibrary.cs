using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using ManagedCuda;
using ManagedCuda.BasicTypes;
using static ManagedCuda.DriverAPINativeMethods;

namespace QuaRot.Kernels.Gpu;

/// <summary>The loaded kernels of one context, and the one place that launches them. For the device's thread alone.</summary>
internal sealed unsafe class KernelLibrary
{
    private const int MaxArguments = 24;

    /// <summary>Room for an argument: that of the largest, a tensor map.</summary>
    private const int ArgumentBytes = 128;

    /// <summary>Programmatic dependent launch came with Hopper.</summary>
    private static readonly Version OldestOverlapping = new(9, 0);

    private static readonly CUlaunchAttribute[] Overlap = [Overlapping()];

    private const int LargestShare = 100;

    /// <summary>More dynamic shared memory than this is asked for: 48 KB are free, but a kernel's own arrays count among them.</summary>
    private const int DefaultSharedBytes = 32 * 1024;

    private readonly CUmodule[] _modules;
    private readonly byte[][] _cubins;
    private readonly Dictionary<string, CUfunction> _kernels = [];
    private readonly Dictionary<string, int> _sharedBytes = [];
    private readonly byte* _values = (byte*)NativeMemory.AlignedAlloc(MaxArguments * ArgumentBytes, ArgumentBytes);
    private readonly nint[] _addresses = new nint[MaxArguments];
    private readonly bool _canOverlap;

    public KernelLibrary(CudaContext context, byte[][] cubins, Version computeCapability)
    {
        _cubins = cubins;
        _canOverlap = computeCapability >= OldestOverlapping;
        _modules = [.. cubins.Select(context.LoadModulePTX)];
        for (var i = 0; i < MaxArguments; i++)
        {
            _addresses[i] = (nint)(_values + (i * ArgumentBytes));
        }
    }

    ~KernelLibrary() => NativeMemory.AlignedFree(_values);

    /// <summary>Queues a kernel in a stream; the driver has copied the arguments when it returns.</summary>
    public CUResult Launch(string kernel, LaunchGrid grid, int sharedBytes, LaunchArgument[] arguments, CUstream stream)
    {
        var function = Find(kernel);
        AllowSharedMemory(kernel, function, sharedBytes);
        for (var i = 0; i < arguments.Length; i++)
        {
            var slot = new Span<byte>((void*)_addresses[i], ArgumentBytes);
            BitConverter.TryWriteBytes(slot, arguments[i].Low);
            BitConverter.TryWriteBytes(slot[sizeof(ulong)..], arguments[i].High);
            arguments[i].Block?.CopyTo(slot);
        }

        if (grid.Overlaps && _canOverlap)
        {
            var config = new CUlaunchConfig
            {
                gridDimX = checked((uint)grid.X),
                gridDimY = checked((uint)grid.Y),
                gridDimZ = checked((uint)grid.Z),
                blockDimX = (uint)grid.ThreadsX,
                blockDimY = (uint)grid.ThreadsY,
                blockDimZ = 1,
                sharedMemBytes = (uint)sharedBytes,
                hStream = stream,
                attrs = Overlap,
            };
            return DriverAPINativeMethods.Launch.cuLaunchKernelEx(ref config, function, _addresses, null!);
        }

        return DriverAPINativeMethods.Launch.cuLaunchKernel(
            function, checked((uint)grid.X), checked((uint)grid.Y), checked((uint)grid.Z), (uint)grid.ThreadsX, (uint)grid.ThreadsY, 1,
            (uint)sharedBytes, stream, _addresses, null!);
    }

    // The value's first int says that it is allowed; ManagedCuda gives that int no public name.
    private static CUlaunchAttribute Overlapping()
    {
        var attribute = new CUlaunchAttribute { id = CUlaunchAttributeID.ProgrammaticStreamSerialization };
        Unsafe.As<CUlaunchAttributeValue, int>(ref attribute.value) = 1;
        return attribute;
    }

    private CUfunction Find(string kernel)
    {
        if (_kernels.TryGetValue(kernel, out var known))
        {
            return known;
        }

        // Asked of the module that has it: the driver counts a question after a name that is not there as an error.
        var section = Encoding.ASCII.GetBytes($".text.{kernel}\0");
        var module = Array.FindIndex(_cubins, cubin => cubin.AsSpan().IndexOf(section) >= 0);
        CUfunction function = default;
        if (module >= 0 && ModuleManagement.cuModuleGetFunction(ref function, _modules[module], kernel) == CUResult.Success)
        {
            // The same split for all kernels: a launch that changes it waits until the SMs are empty. Only a wish, so a refusal costs nothing but time.
            _ = FunctionManagement.cuFuncSetAttribute(function, CUFunctionAttribute.PreferredSharedMemoryCarveout, LargestShare);
            return _kernels[kernel] = function;
        }

        throw new GpuException($"no kernel '{kernel}' in Kernels/Cuda");
    }

    private void AllowSharedMemory(string kernel, CUfunction function, int bytes)
    {
        if (bytes <= Math.Max(DefaultSharedBytes, _sharedBytes.GetValueOrDefault(kernel)))
        {
            return;
        }

        var result = FunctionManagement.cuFuncSetAttribute(function, CUFunctionAttribute.MaxDynamicSharedSizeBytes, bytes);
        _sharedBytes[kernel] = result == CUResult.Success
            ? bytes
            : throw new GpuException($"{kernel}: {bytes} bytes of shared memory are more than this GPU has");
    }
}
