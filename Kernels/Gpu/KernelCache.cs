using System.Security.Cryptography;

namespace QuaRot.Kernels.Gpu;

/// <summary>Compiled kernels on disk: one file a key, the SHA-256 of the machine code in front of it.</summary>
/// <remarks>
/// The folder is for its owner alone (0700), because what lies in it is run. A file that is cut short or altered counts as absent.
/// The cache only saves time: whatever goes wrong with a file, the kernel is compiled instead.
/// </remarks>
internal sealed class KernelCache
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _folder;

    /// <summary>Creates the folder, or takes it over and closes it to others.</summary>
    /// <exception cref="IOException">It cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It belongs to somebody else.</exception>
    public KernelCache(string folder)
    {
        _folder = folder;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        Directory.CreateDirectory(folder, OwnerOnly);
        if (File.GetUnixFileMode(folder) != OwnerOnly)
        {
            File.SetUnixFileMode(folder, OwnerOnly);
        }
    }

    /// <summary>The user's own cache (XDG base directories); null where there is no place for it.</summary>
    public static KernelCache? OpenDefault()
    {
        var root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(root))
        {
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            if (home.Length == 0)
            {
                return null;
            }

            root = Path.Combine(home, ".cache");
        }

        try
        {
            return new KernelCache(Path.Combine(root, "quarot", "kernels"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A read-only or foreign home: every start compiles anew, which costs seconds and nothing else.
            return null;
        }
    }

    /// <summary>The machine code of a key; null where there is none that is whole.</summary>
    public byte[]? TryRead(string key)
    {
        try
        {
            var bytes = File.ReadAllBytes(FileOf(key));
            var isWhole = bytes.Length > SHA256.HashSizeInBytes
                && SHA256.HashData(bytes.AsSpan(SHA256.HashSizeInBytes)).AsSpan().SequenceEqual(bytes.AsSpan(0, SHA256.HashSizeInBytes));
            return isWhole ? bytes[SHA256.HashSizeInBytes..] : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not there, or not readable: it is compiled instead.
            return null;
        }
    }

    /// <summary>Keeps machine code, whole or not at all: it is written beside its place and then moved there.</summary>
    public void Write(string key, byte[] cubin)
    {
        var part = FileOf($"{key}.{Guid.NewGuid():n}");
        try
        {
            File.WriteAllBytes(part, [.. SHA256.HashData(cubin), .. cubin]);
            File.Move(part, FileOf(key), overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk: the kernel is compiled again next time.
            File.Delete(part);
        }
    }

    private string FileOf(string key) => Path.Combine(_folder, $"{key}.cubin");
}
