using System.Security.Cryptography;
using System.Text;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>Identifies the tensors that a checkpoint was made from, however they were split into files.</summary>
internal static class SourceHash
{
    /// <summary>
    /// SHA-256 in lower-case hex over all tensors in the ordinal order of their names: the line "name dtype [shape]\n" in UTF-8, then the
    /// bytes.
    /// </summary>
    /// <exception cref="CheckpointException">A tensor cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled, which is looked at between pieces of 64 MiB.</exception>
    public static string Compute(SafetensorsFolder folder, CancellationToken cancellation)
    {
        const int Piece = 64 << 20;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in folder.Names.Order(StringComparer.Ordinal))
        {
            // A file opened for this tensor alone: what is read of a mapped file counts as this process's memory until it is closed.
            using SafetensorsFile file = SafetensorsFile.Open(folder.FileOf(name).Path);
            TensorInfo info = file.Info(name);
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {info.DType} {info.ShapeText}\n"));
            for (ReadOnlyMemory<byte> rest = file.Bytes(name); rest.Length > 0; rest = rest[Math.Min(Piece, rest.Length)..])
            {
                cancellation.ThrowIfCancellationRequested();
                hash.AppendData(rest.Span[..Math.Min(Piece, rest.Length)]);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
