using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;

namespace ManagedCuda;

/// <summary>The driver's entry points, grouped as ManagedCuda groups them. Arguments and results are the driver's own.</summary>
public static class DriverAPINativeMethods
{
    internal const string Driver = "nvcuda";

    /// <summary>Starts the driver in this process.</summary>
    [DllImport(Driver)]
    public static extern CUResult cuInit(CUInitializationFlags Flags);

    /// <summary>Version of the driver: 1000·major + 10·minor of the CUDA it supports.</summary>
    [DllImport(Driver)]
    public static extern CUResult cuDriverGetVersion(ref int driverVersion);

    /// <summary>Devices.</summary>
    public static class DeviceManagement
    {
        /// <summary>Handle of a device.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuDeviceGet(ref CUdevice device, int ordinal);

        /// <summary>Number of devices.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuDeviceGetCount(ref int count);

        /// <summary>Name, zero-terminated.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuDeviceGetName([Out] byte[] name, int len, CUdevice dev);

        /// <summary>One property.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuDeviceGetAttribute(ref int pi, CUDeviceAttribute attrib, CUdevice dev);
    }

    /// <summary>Limits of contexts.</summary>
    public static class Limits
    {
        /// <summary>Sets one of the current context.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuCtxSetLimit(CULimit limit, SizeT value);
    }

    /// <summary>Contexts.</summary>
    public static class ContextManagement
    {
        /// <summary>Makes a context current on this thread.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuCtxSetCurrent([In] CUcontext ctx);

        /// <summary>Waits for all work of the current context.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuCtxSynchronize();

        /// <summary>Takes the device's primary context.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuDevicePrimaryCtxRetain(ref CUcontext pctx, CUdevice dev);

        /// <summary>Gives it back.</summary>
        [DllImport(Driver, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
        public static extern CUResult cuDevicePrimaryCtxRelease(CUdevice dev);
    }

    /// <summary>Modules.</summary>
    public static class ModuleManagement
    {
        /// <summary>Loads a cubin or zero-terminated PTX.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuModuleLoadData(ref CUmodule module, [In] byte[] image);

        /// <summary>Unloads a module.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuModuleUnload(CUmodule hmod);

        /// <summary>A kernel by name.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuModuleGetFunction(ref CUfunction hfunc, CUmodule hmod, [MarshalAs(UnmanagedType.LPStr)] string name);
    }

    /// <summary>Settings of kernels.</summary>
    public static class FunctionManagement
    {
        /// <summary>Changes one setting.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuFuncSetAttribute(CUfunction hfunc, CUFunctionAttribute attrib, int value);
    }

    /// <summary>Memory.</summary>
    public static class MemoryManagement
    {
        /// <summary>Free and total bytes of the current device.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuMemGetInfo_v2(ref SizeT free, ref SizeT total);

        /// <summary>Allocates device memory.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuMemAlloc_v2(ref CUdeviceptr dptr, SizeT bytesize);

        /// <summary>Frees device memory.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuMemFree_v2(CUdeviceptr dptr);
    }

    /// <summary>Copies in a stream.</summary>
    public static class AsynchronousMemcpy_v2
    {
        /// <summary>Host to device.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, [In] nint srcHost, SizeT ByteCount, CUstream hStream);

        /// <summary>Device to host.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuMemcpyDtoHAsync_v2([Out] nint dstHost, CUdeviceptr srcDevice, SizeT ByteCount, CUstream hStream);

        /// <summary>Device to device, also from one device to another.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, SizeT ByteCount, CUstream hStream);
    }

    /// <summary>Fills in a stream.</summary>
    public static class MemsetAsync
    {
        /// <summary>Sets N bytes.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuMemsetD8Async(CUdeviceptr dstDevice, byte b, SizeT N, CUstream hStream);
    }

    /// <summary>Launches.</summary>
    public static class Launch
    {
        /// <summary>Queues a kernel; kernelParams points to one value for each parameter.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuLaunchKernel(
            CUfunction f, uint gridDimX, uint gridDimY, uint gridDimZ, uint blockDimX, uint blockDimY, uint blockDimZ,
            uint sharedMemBytes, CUstream hStream, nint[] kernelParams, nint[]? extra);

        /// <summary>Queues a kernel with attributes.</summary>
        public static unsafe CUResult cuLaunchKernelEx(ref CUlaunchConfig config, CUfunction f, nint[] kernelParams, nint[]? extra)
        {
            fixed (CUlaunchAttribute* attributes = config.attrs)
            {
                var native = new NativeConfig
                {
                    GridX = config.gridDimX,
                    GridY = config.gridDimY,
                    GridZ = config.gridDimZ,
                    BlockX = config.blockDimX,
                    BlockY = config.blockDimY,
                    BlockZ = config.blockDimZ,
                    SharedBytes = config.sharedMemBytes,
                    Stream = config.hStream,
                    Attributes = attributes,
                    Count = (uint)(config.attrs?.Length ?? 0),
                };
                return cuLaunchKernelEx(ref native, f, kernelParams, extra);
            }
        }

        [DllImport(Driver)]
        private static extern CUResult cuLaunchKernelEx(ref NativeConfig config, CUfunction f, nint[] kernelParams, nint[]? extra);

        [StructLayout(LayoutKind.Sequential)]
        private unsafe struct NativeConfig
        {
            public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
            public CUstream Stream;
            public CUlaunchAttribute* Attributes;
            public uint Count;
        }
    }

    /// <summary>Graphs.</summary>
    public static class GraphManagment
    {
        /// <summary>Makes a graph ready to be launched.</summary>
        [DllImport(Driver, EntryPoint = "cuGraphInstantiateWithFlags")]
        public static extern CUResult cuGraphInstantiate(ref CUgraphExec phGraphExec, CUgraph hGraph, CUgraphInstantiate_flags flags);

        /// <summary>Queues all of a graph.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuGraphLaunch(CUgraphExec hGraphExec, CUstream hStream);

        /// <summary>Frees a graph that was made ready.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuGraphExecDestroy(CUgraphExec hGraphExec);

        /// <summary>Frees a graph.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuGraphDestroy(CUgraph hGraph);
    }

    /// <summary>Streams.</summary>
    public static class Streams
    {
        /// <summary>Makes a stream.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuStreamCreate(ref CUstream phStream, CUStreamFlags Flags);

        /// <summary>From here on launches are written down instead of queued.</summary>
        [DllImport(Driver, EntryPoint = "cuStreamBeginCapture_v2")]
        public static extern CUResult cuStreamBeginCapture(CUstream hStream, CUstreamCaptureMode mode);

        /// <summary>What was written down.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuStreamEndCapture(CUstream hStream, ref CUgraph phGraph);

        /// <summary>What a stream is given from here on waits for an event of any stream; flags: 0.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, uint Flags);

        /// <summary>Waits for all work of a stream.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuStreamSynchronize(CUstream hStream);

        /// <summary>Frees a stream.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuStreamDestroy_v2(CUstream hStream);
    }

    /// <summary>Events.</summary>
    public static class Events
    {
        /// <summary>Makes an event.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuEventCreate(ref CUevent phEvent, uint Flags);

        /// <summary>Marks a place in a stream.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuEventRecord(CUevent hEvent, CUstream hStream);

        /// <summary>Waits until the stream has passed the mark.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuEventSynchronize(CUevent hEvent);

        /// <summary>Frees an event.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuEventDestroy_v2(CUevent hEvent);

        /// <summary>Milliseconds between two events that have passed.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuEventElapsedTime(ref float pMilliseconds, CUevent hStart, CUevent hEnd);
    }

    /// <summary>Names of errors.</summary>
    public static class ErrorHandling
    {
        /// <summary>A sentence, zero-terminated, that stays the driver's.</summary>
        [DllImport(Driver)]
        public static extern CUResult cuGetErrorString(CUResult error, ref nint pStr);
    }
}
