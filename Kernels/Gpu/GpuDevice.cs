using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using ManagedCuda;
using ManagedCuda.BasicTypes;
using static ManagedCuda.DriverAPINativeMethods;

namespace QuaRot.Kernels.Gpu;

/// <summary>One GPU: a thread of its own holds context and stream, and does all work in the order in which it was asked.</summary>
/// <remarks>
/// Thread-safe. Launches are queued and return at once; copies and allocations wait. The first failure is kept: from then on every call
/// throws it, because what was computed since is not to be trusted.
/// </remarks>
internal sealed partial class GpuDevice : IDisposable
{
    // What this thread queues while it records goes here, and into the queue as one piece.
    [ThreadStatic]
    private static List<Action>? s_recording;

    private readonly BlockingCollection<Action> _queue = [];
    private readonly Thread _thread;
    private PrimaryContext? _context;
    private CudaStream? _stream;
    private KernelLibrary? _kernels;
    private GpuProfile? _profile;
    private volatile ExceptionDispatchInfo? _failure;
    private int _disposed;

    /// <summary>Takes the GPU and compiles and loads the kernels.</summary>
    /// <exception cref="GpuException">There is no such GPU, or it is not usable; says why.</exception>
    public GpuDevice(int ordinal, KernelCache? cache)
    {
        Info = GpuInventory.Require(ordinal);
        HasPeers = GpuInventory.Find().Count > 1;
        var cubins = new KernelCompiler(Info.Architecture, cache).CompileAll(KernelSource.For(Info.Architecture));
        _thread = new Thread(DoWork) { IsBackground = true, Name = Info.ToString() };
        _thread.Start();
        try
        {
            Invoke(() => Open(cubins));
        }
        catch
        {
            // A context that does not come up must not leave a thread behind; the cause goes to the caller.
            Dispose();
            throw;
        }
    }

    /// <summary>Which GPU it is.</summary>
    public GpuInfo Info { get; }

    /// <summary>Streaming multiprocessors.</summary>
    public int Multiprocessors { get; private set; }

    /// <summary>Most bytes of shared memory a block may have.</summary>
    public int MaxSharedBytes { get; private set; }

    /// <summary>Free and total bytes.</summary>
    public (long Free, long Total) Memory()
    {
        var (free, total) = (0L, 0L);
        Invoke(() => (free, total) = ((long)_context!.GetFreeDeviceMemorySize(), (long)_context.GetTotalDeviceMemorySize()));
        return (free, total);
    }

    /// <summary>Allocates device memory, not initialised.</summary>
    /// <param name="bytes">Usable bytes.</param>
    /// <param name="what">What it is for, in words that a user understands.</param>
    /// <exception cref="GpuException">It does not fit; says what, how much, and how much is free.</exception>
    public DeviceMemory Allocate(long bytes, string what)
    {
        CUdeviceptr address = default;
        var result = CUResult.Success;
        Invoke(() => result = MemoryManagement.cuMemAlloc_v2(ref address, Math.Max(bytes, 16)));
        if (result == CUResult.ErrorOutOfMemory)
        {
            var (free, total) = Memory();
            throw new GpuException($"{Info}: {what} takes {Mebibytes(bytes)}, but only {Mebibytes(free)} of {Mebibytes(total)} are free");
        }

        Check(result, $"allocating {Mebibytes(bytes)} for {what}");
        return new DeviceMemory(this, address.Pointer, bytes);
    }

    /// <summary>Queues a kernel.</summary>
    public void Launch(string kernel, LaunchGrid grid, int sharedBytes, params ReadOnlySpan<LaunchArgument> arguments)
    {
        var copy = arguments.ToArray();
        Enqueue(() =>
        {
            _profile?.Before(kernel, _stream!);
            Check(_kernels!.Launch(kernel, grid, sharedBytes, copy, _stream!.Stream), $"launching {kernel}");
            _profile?.After(_stream!);
        });
    }

    /// <summary>Queues what <paramref name="queue"/> queues as one piece, without work of other threads between.</summary>
    public void Together(Action queue)
    {
        var work = Recorded(queue);
        Enqueue(() => work.ForEach(step => step()));
    }

    /// <summary>Makes a graph of the launches and device copies that <paramref name="queue"/> queues; they do not run.</summary>
    public GpuGraph Capture(Action queue)
    {
        var work = Recorded(queue);
        CUgraphExec ready = default;
        Invoke(() =>
        {
            CUgraph graph = default;
            Check(Streams.cuStreamBeginCapture(_stream!.Stream, CUstreamCaptureMode.Local), "starting a graph");
            work.ForEach(step => step());
            Check(Streams.cuStreamEndCapture(_stream.Stream, ref graph), "ending a graph");
            Check(GraphManagment.cuGraphInstantiate(ref ready, graph, CUgraphInstantiate_flags.None), "making a graph ready");
            Check(GraphManagment.cuGraphDestroy(graph), "freeing a graph");
        });
        return new GpuGraph(this, ready);
    }

    /// <summary>Queues all of a graph.</summary>
    public void Launch(CUgraphExec graph) => Enqueue(() => Check(GraphManagment.cuGraphLaunch(graph, _stream!.Stream), "launching a graph"));

    /// <summary>Frees a graph after the work queued before.</summary>
    public void Free(CUgraphExec graph)
    {
        if (Volatile.Read(ref _disposed) == 0)
        {
            _queue.Add(() => _ = GraphManagment.cuGraphExecDestroy(graph));
        }
    }

    /// <summary>Waits for everything that was queued.</summary>
    public void Wait() => InvokeAndWait("what was asked", () => CUResult.Success);

    /// <summary>Queues a copy within this GPU, or from another one.</summary>
    public void Copy(ulong target, ulong source, long bytes) => Enqueue(() => Check(
        AsynchronousMemcpy_v2.cuMemcpyDtoDAsync_v2(new CUdeviceptr { Pointer = target }, new CUdeviceptr { Pointer = source }, bytes, _stream!.Stream),
        "a copy"));

    /// <summary>Queues a copy of <paramref name="values"/>, which must not change afterwards.</summary>
    public unsafe void Upload(DeviceMemory target, int[] values)
    {
        CUdeviceptr address = new() { Pointer = target.Address };
        Enqueue(() =>
        {
            // From pageable memory: the driver has taken the bytes when the call returns.
            fixed (int* source = values)
            {
                Check(AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(address, (nint)source, values.Length * sizeof(int), _stream!.Stream), "a copy");
            }
        });
    }

    /// <summary>Copies from the host and waits.</summary>
    public void CopyToDevice(ulong target, nint source, long bytes) => InvokeAndWait("a copy to the GPU", () =>
        AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(new CUdeviceptr { Pointer = target }, source, bytes, _stream!.Stream));

    /// <summary>Copies to the host and waits.</summary>
    public void CopyToHost(nint target, ulong source, long bytes) => InvokeAndWait("a copy from the GPU", () =>
        AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(target, new CUdeviceptr { Pointer = source }, bytes, _stream!.Stream));

    /// <summary>Queues a fill.</summary>
    public void Fill(ulong target, byte value, long bytes) => Enqueue(() =>
        Check(MemsetAsync.cuMemsetD8Async(new CUdeviceptr { Pointer = target }, value, bytes, _stream!.Stream), "a fill"));

    /// <summary>Seconds that the GPU takes for what <paramref name="queue"/> queues.</summary>
    public double Time(Action queue)
    {
        CudaEvent? start = null, end = null;
        Enqueue(() => (start = new CudaEvent()).Record(_stream!.Stream));
        queue();
        Enqueue(() => (end = new CudaEvent()).Record(_stream!.Stream));
        var milliseconds = 0f;
        InvokeAndWait("timing", () => CUResult.Success);
        Invoke(() => milliseconds = CudaEvent.ElapsedTime(start!, end!));
        start!.Dispose();
        end!.Dispose();
        return milliseconds / 1000;
    }

    /// <summary>Describes rows of bytes to the copy engine; the driver wants the context for it.</summary>
    public TensorMap Describe(DeviceMemory memory, int rows, int columns)
    {
        TensorMap? map = null;
        Invoke(() => map = new TensorMap(memory.Address, rows, columns));
        return map!;
    }

    /// <summary>Milliseconds of each kernel in what <paramref name="queue"/> launches, one after the other and without overlap.</summary>
    public IReadOnlyDictionary<string, double> Profile(Action queue)
    {
        var profile = new GpuProfile();
        Invoke(() => _profile = profile);
        queue();
        Wait();
        IReadOnlyDictionary<string, double> result = new Dictionary<string, double>();
        Invoke(() => (_profile, result) = (null, profile.Milliseconds()));
        return result;
    }

    /// <summary>Frees memory after the work queued before.</summary>
    public void Free(ulong address)
    {
        // After the device is disposed its context has freed everything. A lost context cannot free, and its memory is gone with it.
        if (Volatile.Read(ref _disposed) == 0)
        {
            _queue.Add(() => _ = MemoryManagement.cuMemFree_v2(new CUdeviceptr { Pointer = address }));
        }
    }

    /// <summary>Finishes the queued work, then gives the GPU back with all its memory.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _queue.CompleteAdding();
            _thread.Join();
        }
    }

    private static string Mebibytes(long bytes) => $"{bytes / 1048576.0:0.0} MiB";

    private void Open(byte[][] cubins)
    {
        _context = new PrimaryContext(Info.Ordinal);
        _context.SetCurrent();
        // The default of 1 KB a thread takes 264 MB of an H100; the kernels need at most some registers' worth, which the driver gives when they start.
        _context.SetLimit(CULimit.StackSize, 0UL);
        _stream = new CudaStream(CUStreamFlags.NonBlocking);
        MaxSharedBytes = Attribute(CUDeviceAttribute.MaxSharedMemoryPerBlockOptin);
        Multiprocessors = Attribute(CUDeviceAttribute.MultiProcessorCount);
        _kernels = new KernelLibrary(_context, cubins, Info.ComputeCapability);
    }

    private int Attribute(CUDeviceAttribute attribute)
    {
        var value = 0;
        Check(DeviceManagement.cuDeviceGetAttribute(ref value, attribute, _context!.Device), $"asking for {attribute}");
        return value;
    }

    private void Check(CUResult result, string what)
    {
        if (result != CUResult.Success)
        {
            throw new GpuException($"{Info}: {what} failed: {result}: {new CudaException(result).CudaInternalErrorDescription}");
        }
    }

    private void Enqueue(Action work)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        _failure?.Throw();
        if (s_recording is { } recording)
        {
            recording.Add(work);
            return;
        }

        _queue.Add(() =>
        {
            if (_failure is null)
            {
                work();
            }
        });
    }

    private static List<Action> Recorded(Action queue)
    {
        s_recording = [];
        try
        {
            queue();
            return s_recording;
        }
        finally
        {
            s_recording = null;
        }
    }

    private void Invoke(Action work)
    {
        if (s_recording is not null)
        {
            throw new InvalidOperationException("What waits for the GPU cannot be part of a graph.");
        }

        // Not disposed: the device thread may still be inside Set when the wait ends.
        var done = new ManualResetEventSlim();
        Enqueue(work);
        _queue.Add(done.Set);
        done.Wait();
        _failure?.Throw();
    }

    // Kernels run later than they are launched: this is where their faults come out.
    private void InvokeAndWait(string what, Func<CUResult> work) => Invoke(() =>
    {
        Check(work(), what);
        Check(Streams.cuStreamSynchronize(_stream!.Stream), $"work before {what}");
    });

    private void DoWork()
    {
        foreach (var work in _queue.GetConsumingEnumerable())
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                // Kept for whoever calls next; nothing queued behind it runs.
                _failure ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        _stream?.Dispose();
        _context?.Dispose();
    }
}
