namespace QuaRot.Checkpoints.QuaRot;

/// <summary>A hidden folder beside the destination that becomes the destination in one rename, or disappears.</summary>
/// <remarks>
/// Its name depends on the destination alone, so that a run that was killed or cancelled leaves at most one. The next run takes it up where
/// <see cref="StagedLayers"/> says that it would write the same layers, and removes it where not. A lock file that is held open tells a
/// killed run's folder from that of a run still at work.
/// </remarks>
internal sealed class StagingFolder : IDisposable
{
    private const string LockFile = ".lock";
    private readonly string _destination;
    private readonly FileStream _lock;
    private bool _committed;
    private bool _kept;

    private StagingFolder(string path, string destination, FileStream lockStream)
    {
        Path = path;
        _destination = destination;
        _lock = lockStream;
    }

    /// <summary>Where the files are to be written.</summary>
    public string Path { get; }

    /// <summary>Creates the folder, or takes up the one that a killed or cancelled run left.</summary>
    /// <param name="destination">The folder that it is to become.</param>
    /// <param name="overwrite">Whether that may exist.</param>
    /// <param name="key">Everything that the layers depend on; a folder that was left by a run with another key is removed.</param>
    /// <exception cref="CheckpointException">The destination exists and may not be replaced, or another run is writing it.</exception>
    /// <exception cref="IOException">The folder cannot be created.</exception>
    public static StagingFolder Create(string destination, bool overwrite, string key)
    {
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(destination));
        if (File.Exists(full))
        {
            throw new CheckpointException(destination, "is a file; the destination must be a folder");
        }

        if (Directory.Exists(full) && !overwrite)
        {
            throw new CheckpointException(destination, "exists already; choose another destination or overwrite it (--force)");
        }

        string path = Sibling(full, "partial");
        if (Directory.Exists(path))
        {
            FileStream old = TakeLock(path, destination);
            if (StagedLayers.KeyOf(path) == key)
            {
                return new StagingFolder(path, full, old);
            }

            old.Dispose();
            Directory.Delete(path, recursive: true);
        }

        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{destination}: cannot be written: {e.Message}", e);
        }

        return new StagingFolder(path, full, TakeLock(path, destination));
    }

    /// <summary>Moves the folder to its destination; an old one is removed only after the new one stands.</summary>
    public void Commit()
    {
        _lock.Dispose();
        File.Delete(System.IO.Path.Combine(Path, LockFile));
        File.Delete(System.IO.Path.Combine(Path, StagedLayers.FileName));
        string old = Sibling(_destination, "old");
        if (Directory.Exists(old))
        {
            Directory.Delete(old, recursive: true);
        }

        bool replaces = Directory.Exists(_destination);
        if (replaces)
        {
            Directory.Move(_destination, old);
        }

        try
        {
            Directory.Move(Path, _destination);
        }
        catch when (replaces)
        {
            // The old checkpoint is worth more than none: it goes back, and the failure goes on to the caller.
            Directory.Move(old, _destination);
            throw;
        }

        _committed = true;
        if (replaces)
        {
            Directory.Delete(old, recursive: true);
        }
    }

    /// <summary>Leaves the folder for a later run to take up.</summary>
    public void Keep() => _kept = true;

    /// <summary>Removes the folder unless it was committed or is to be kept.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        if (!_committed && !_kept && Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    private static string Sibling(string full, string purpose)
    {
        string parent = System.IO.Path.GetDirectoryName(full)
            ?? throw new CheckpointException(full, "is the root of a file system; the destination must be a folder below it");
        return System.IO.Path.Combine(parent, $".{System.IO.Path.GetFileName(full)}.{purpose}");
    }

    private static FileStream TakeLock(string path, string destination)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(path, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new CheckpointException(destination, "another run is writing this checkpoint", e);
        }
    }
}
