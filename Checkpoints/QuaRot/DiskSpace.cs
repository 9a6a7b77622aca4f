namespace QuaRot.Checkpoints.QuaRot;

/// <summary>Refuses to start what the disk cannot hold.</summary>
internal static class DiskSpace
{
    /// <summary>Checks that the disk of <paramref name="folder"/> has room for <paramref name="bytes"/> of tensors.</summary>
    /// <exception cref="IOException">It has not; the message says how much is missing.</exception>
    public static void Require(string folder, long bytes)
    {
        string full = Path.GetFullPath(folder);
        long free = new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(full)! : full).AvailableFreeSpace;
        if (bytes > free)
        {
            throw new IOException($"{folder}: the checkpoint takes {bytes >> 20} MiB, the disk has {free >> 20} MiB left");
        }
    }
}
