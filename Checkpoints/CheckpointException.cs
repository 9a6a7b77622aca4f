namespace QuaRot.Checkpoints;

/// <summary>A checkpoint file is broken or does not fit its config; the message names the file and the tensor or field.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>Creates the exception from the path of the file at fault and what is wrong with it.</summary>
    public CheckpointException(string file, string problem, Exception? inner = null)
        : base($"{file}: {problem}", inner) => File = file;

    /// <summary>The file at fault.</summary>
    public string File { get; }
}
