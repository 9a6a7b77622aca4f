using QuaRot.Checkpoints.Hadamard;

namespace QuaRot.Kernels.Backends;

/// <summary>
/// Which index of a row a Hadamard transform runs over: a row is [blocks][size][inner], and "size" is transformed by x·H/√size.
/// </summary>
/// <remarks>
/// Head-wise: blocks = heads, size = head_dim, inner = 1. Across heads: size = heads, inner = head_dim. Order of the arithmetic, for
/// index a·2^k + b of H_m ⊗ H_2^k: butterflies (u + v, u - v) over b with strides 1, 2, 4, ...; then, for m &gt; 1, the sum over a
/// ascending that starts from +0; then one multiplication by the float 1/√size.
/// </remarks>
public sealed class HadamardShape
{
    /// <summary>Largest size at which hadamard_quantize cannot leave int32: sums of so many numbers of 15 bits and a sign.</summary>
    public const int LargestFixedPointSize = 65536;

    /// <summary>Prepares a transform.</summary>
    /// <exception cref="ArgumentException">No Hadamard matrix of this size is known.</exception>
    public HadamardShape(int blocks, int size, int inner)
    {
        var factors = HadamardSize.Factor(size);
        (Blocks, Size, Inner, Order) = (blocks, size, inner, factors.M);
        Scale = (float)(1 / Math.Sqrt(size));
        Matrix = HadamardMatrix.Create(Order);
        Signs = Array.ConvertAll(Matrix, sign => (float)sign);
        SignPairs = [.. Enumerable.Range(0, Order / 2 * Order).Select(SignPair)];
    }

    /// <summary>Independent transforms next to each other in a row.</summary>
    public int Blocks { get; }

    /// <summary>Order n of the transform.</summary>
    public int Size { get; }

    /// <summary>Contiguous elements that share an index of the transform.</summary>
    public int Inner { get; }

    /// <summary>The m of n = m·2^k.</summary>
    public int Order { get; }

    /// <summary>2^k.</summary>
    public int Doublings => Size / Order;

    /// <summary>1/√n.</summary>
    public float Scale { get; }

    /// <summary>Elements of a row.</summary>
    public int Width => Blocks * Size * Inner;

    /// <summary>Checks that hadamard_quantize can take it.</summary>
    /// <exception cref="ArgumentException">Several blocks, or a size whose sums could leave int32.</exception>
    public void RequireFixedPoint()
    {
        if (Blocks != 1 || Size > LargestFixedPointSize)
        {
            throw new ArgumentException($"hadamard_quantize of {Blocks} block(s) of size {Size}: it takes one of at most {LargestFixedPointSize}");
        }
    }

    /// <summary>[m·m] entries ±1, row-major.</summary>
    internal sbyte[] Matrix { get; }

    /// <summary><see cref="Matrix"/> as floats.</summary>
    internal float[] Signs { get; }

    /// <summary>[m/2][m]: entries (2i, j) in the lower and (2i + 1, j) in the upper 16 bits.</summary>
    internal int[] SignPairs { get; }

    private int SignPair(int index)
    {
        var (pair, column) = Math.DivRem(index, Order);
        int low = Matrix[(2 * pair * Order) + column], high = Matrix[(((2 * pair) + 1) * Order) + column];
        return (low & 0xFFFF) | (high << 16);
    }
}
