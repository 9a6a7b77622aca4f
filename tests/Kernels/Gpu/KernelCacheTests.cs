using QuaRot.Kernels.Gpu;
using Xunit;

namespace QuaRot.Kernels.Tests.GpuDevices;

public sealed class KernelCacheTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"quarot-kernels-{Guid.NewGuid():n}");

    [Fact]
    public void What_was_written_is_read_back_and_nothing_else()
    {
        var cache = new KernelCache(_folder);
        cache.Write("a", [1, 2, 3]);
        Assert.Equal([1, 2, 3], cache.TryRead("a"));
        Assert.Null(cache.TryRead("b"));
        Assert.Single(Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_file_that_is_cut_short_or_altered_counts_as_absent()
    {
        var cache = new KernelCache(_folder);
        cache.Write("a", [1, 2, 3]);
        var file = Assert.Single(Directory.GetFiles(_folder));
        var bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..^1]);
        Assert.Null(cache.TryRead("a"));
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Null(cache.TryRead("a"));
        File.WriteAllBytes(file, []);
        Assert.Null(cache.TryRead("a"));
    }

    [Fact]
    public void The_folder_is_its_owners_alone_even_if_it_was_open_before()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no file modes");
            return;
        }

        Directory.CreateDirectory(_folder);
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_111_111);
        _ = new KernelCache(_folder);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder));
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }
}
