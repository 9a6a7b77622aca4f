using System.Security.Cryptography;
using System.Text;
using ManagedCuda.NVRTC;

namespace QuaRot.Kernels.Gpu;

/// <summary>Compiles the kernels for one architecture, or takes them from the cache.</summary>
internal sealed class KernelCompiler(string architecture, KernelCache? cache)
{
    /// <summary>The contract's roundings: no contraction into FMA, no flush to zero, division and root rounded exactly.</summary>
    private readonly string[] _options =
    [
        $"--gpu-architecture={architecture}", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true", "--std=c++17",
    ];

    /// <summary>Machine code of each source; several are compiled at a time.</summary>
    /// <exception cref="GpuException">One does not compile; names it, with the compiler's words.</exception>
    public byte[][] CompileAll(IReadOnlyList<KernelSource> sources)
    {
        var version = GpuInventory.CompilerVersion();
        return [.. sources.AsParallel().AsOrdered().Select(source => Get(source, version))];
    }

    private byte[] Get(KernelSource source, Version version)
    {
        var key = Key(source, version);
        if (cache?.TryRead(key) is { } cached)
        {
            return cached;
        }

        var cubin = Compile(source);
        cache?.Write(key, cubin);
        return cubin;
    }

    private byte[] Compile(KernelSource source)
    {
        var headers = KernelSource.Headers;
        using var program = new CudaRuntimeCompiler(
            source.Text, source.Name, [.. headers.Select(h => h.Text)], [.. headers.Select(h => h.Name)]);
        try
        {
            program.Compile(_options);
            return program.GetCubin();
        }
        catch (NVRTCException e)
        {
            throw new GpuException($"{source.Name} does not compile for {architecture}: {e.Message}\n{program.GetLogAsString()}", e);
        }
    }

    /// <summary>Everything that the machine code depends on, each part with its length so that no two lists run together.</summary>
    private string Key(KernelSource source, Version version)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in (string[])[source.Name, source.Text, .. KernelSource.Headers.SelectMany(h => (string[])[h.Name, h.Text]),
            .. _options, $"nvrtc {version}"])
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            hash.AppendData(BitConverter.GetBytes(bytes.Length));
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
