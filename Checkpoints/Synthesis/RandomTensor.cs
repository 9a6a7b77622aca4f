using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.Synthesis;

/// <summary>Elements of a tensor drawn from a normal distribution, on all cores, a few megabytes at a time.</summary>
/// <remarks>
/// Elements 4g to 4g + 3 come from output g of a SplitMix64 whose seed depends on the run's seed and the tensor's name: neither threads
/// nor the order of tensors show.
/// </remarks>
internal static class RandomTensor
{
    private const int BlockElements = 1 << 18;
    private const int BlocksOfPiece = 16;

    /// <summary>Writes all elements of <paramref name="spec"/> (F32, F16 or BF16).</summary>
    /// <param name="spec">Name, type and shape.</param>
    /// <param name="stream">Receives them, row-major.</param>
    /// <param name="seed">Seed of the whole checkpoint.</param>
    /// <param name="mean">Mean of the distribution.</param>
    /// <param name="deviation">Its standard deviation.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="ArgumentException">The type is another one.</exception>
    public static void Write(
        TensorSpec spec, Stream stream, ulong seed, double mean, double deviation, CancellationToken cancellation)
    {
        ulong tensorSeed = SplitMix64.Output(seed ^ HashName(spec.Name), 0);
        double Value(int i) => mean + (deviation * NormalQuantiles.Values[i]);
        switch (spec.DType)
        {
            case TensorTypes.F32:
                Write([.. Indices().Select(i => (float)Value(i))], spec, stream, tensorSeed, cancellation);
                break;
            case TensorTypes.F16:
                Write([.. Indices().Select(i => (Half)Value(i))], spec, stream, tensorSeed, cancellation);
                break;
            case TensorTypes.BF16:
                Write([.. Indices().Select(i => BFloat16.FromSingle((float)Value(i)))], spec, stream, tensorSeed, cancellation);
                break;
            default:
                throw new ArgumentException($"tensor '{spec.Name}': random elements are F32, F16 or BF16, not {spec.DType}");
        }
    }

    private static IEnumerable<int> Indices() => Enumerable.Range(0, NormalQuantiles.Count);

    private static void Write<T>(T[] table, TensorSpec spec, Stream stream, ulong seed, CancellationToken cancellation)
        where T : unmanaged
    {
        long elements = spec.Elements;
        var piece = new T[Math.Min(elements, BlockElements * BlocksOfPiece)];
        for (long start = 0; start < elements; start += piece.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(piece.Length, elements - start);
            int blocks = (count + BlockElements - 1) / BlockElements;
            Parallel.For(0, blocks, block =>
            {
                int first = block * BlockElements;
                Fill(table, piece.AsSpan(first, Math.Min(BlockElements, count - first)), seed, start + first);
            });
            stream.Write(MemoryMarshal.AsBytes(piece.AsSpan(0, count)));
        }
    }

    /// <summary>Fills the elements from number <paramref name="first"/> on, a multiple of 4.</summary>
    private static void Fill<T>(T[] table, Span<T> target, ulong seed, long first)
        where T : unmanaged
    {
        ulong group = (ulong)first / 4;
        for (int i = 0; i < target.Length; group++)
        {
            ulong bits = SplitMix64.Output(seed, group);
            for (int end = Math.Min(i + 4, target.Length); i < end; i++, bits >>= 16)
            {
                target[i] = table[(ushort)bits];
            }
        }
    }

    /// <summary>FNV-1a, 64 bits, over the name's UTF-16 units.</summary>
    private static ulong HashName(string name) =>
        name.Aggregate(0xCBF29CE484222325UL, (hash, unit) => unchecked((hash ^ unit) * 0x100000001B3UL));
}
