using QuaRot.Cli.Commands;

namespace QuaRot.Cli.Serving;

/// <summary>The folder that holds the session store, for this process alone as long as it lives.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream _lock;

    private DataFolder(string path, FileStream @lock) => (SessionFile, _lock) = (Path.Combine(path, "sessions.db"), @lock);

    /// <summary>The SQLite file of the sessions.</summary>
    public string SessionFile { get; }

    /// <summary>Makes the folder if need be and takes it.</summary>
    /// <exception cref="CommandException">It cannot be written, or another process has it.</exception>
    public static DataFolder Take(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"--data: {path} cannot be used: {e.Message}", e);
        }

        try
        {
            return new DataFolder(path, new FileStream(Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CommandException($"--data: {path} cannot be written: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw new CommandException($"--data: {path} is in use by another 'quarot serve', or cannot be written: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();
}
