using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace QuaRot.Checkpoints.Safetensors;

/// <summary>A memory-mapped safetensors file: 8 bytes of header length (little endian), a JSON header, then the tensors' bytes.</summary>
/// <remarks>
/// Thread-safe. Views that <see cref="Bytes"/> gave out must not be in use while the file is disposed, nor may the file be shortened while
/// it is open: the first would read unmapped memory, the second raises a bus error that no managed code can catch.
/// </remarks>
public sealed unsafe class SafetensorsFile : IDisposable
{
    /// <summary>Longest header that is read, in bytes; the limit of the reference implementation.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    private readonly SafetensorsHeader _header;
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _data;
    private int _disposed;

    private SafetensorsFile(string path, SafetensorsHeader header, FileStream stream, long dataStart)
    {
        Path = path;
        _header = header;
        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        try
        {
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }
        catch
        {
            _map.Dispose();
            throw;
        }

        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _data = start + _view.PointerOffset + dataStart;
    }

    /// <summary>The file's path as it was given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _header.Tensors;

    /// <summary>The strings under <c>__metadata__</c>; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps the file and checks its whole header; no tensor is touched.</summary>
    /// <exception cref="CheckpointException">The file cannot be read or its header is wrong.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            byte[] json = ReadHeader(path, stream.SafeFileHandle, stream.Length);
            long dataStart = 8 + json.Length;
            var header = SafetensorsHeader.Parse(path, json, stream.Length - dataStart);
            return new SafetensorsFile(path, header, stream, dataStart);
        }
        catch (Exception e)
        {
            // Nothing is retried: a checkpoint that cannot be read now is reported with its name, and the caller decides.
            stream?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new CheckpointException(path, $"cannot be read: {e.Message}", e);
            throw;
        }
    }

    /// <summary>The header entry of a tensor.</summary>
    /// <exception cref="CheckpointException">There is no such tensor.</exception>
    public TensorInfo Info(string name) =>
        Tensors.TryGetValue(name, out var info) ? info : throw new CheckpointException(Path, $"tensor '{name}' is missing");

    /// <summary>
    /// The bytes of a tensor, row-major and little endian, viewed in the mapped file; not necessarily aligned to the element size.
    /// </summary>
    /// <exception cref="CheckpointException">There is no such tensor, its type is unknown or it has 2 GiB or more.</exception>
    public ReadOnlyMemory<byte> Bytes(string name)
    {
        ThrowIfDisposed();
        var info = Info(name);
        if (TensorTypes.SizeOf(info.DType) is null)
            throw new CheckpointException(Path, $"tensor '{name}': element type {info.DType} is not supported");
        if (info.ByteLength > int.MaxValue)
            throw new CheckpointException(Path, $"tensor '{name}': {info.ByteLength} bytes; tensors of 2 GiB or more are not supported");
        return new MappedMemory(this, _data + info.Begin, (int)info.ByteLength).Memory;
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);

    private static byte[] ReadHeader(string path, SafeFileHandle file, long fileLength)
    {
        if (fileLength < 8)
            throw new CheckpointException(path, $"is {fileLength} bytes long, too short for a safetensors file (truncated?)");
        Span<byte> prefix = stackalloc byte[8];
        ReadFully(path, file, prefix, 0);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderBytes)
            throw new CheckpointException(path, $"claims a header of {length} bytes, the limit is {MaxHeaderBytes}: no safetensors file");
        if ((long)length > fileLength - 8)
            throw new CheckpointException(path, $"claims a header of {length} bytes but only {fileLength - 8} follow (truncated?)");
        var json = new byte[length];
        ReadFully(path, file, json, 8);
        return json;
    }

    private static void ReadFully(string path, SafeFileHandle file, Span<byte> target, long offset)
    {
        while (target.Length > 0)
        {
            int read = RandomAccess.Read(file, target, offset);
            if (read == 0)
                throw new CheckpointException(path, "became shorter while it was read");
            target = target[read..];
            offset += read;
        }
    }
}
