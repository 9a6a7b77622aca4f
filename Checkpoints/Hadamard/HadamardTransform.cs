using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Hadamard;

/// <summary>Multiplies row vectors by the orthonormal H_n = (H_m ⊗ H_2^k)/√n, or by its transpose, in O(n·(m + k)).</summary>
/// <remarks>
/// Index i = a·2^k + b and H[i, j] = H_m[a, a']·H_2^k[b, b']/√n. Fast Walsh-Hadamard over b, dense over a. H_m may be unsymmetric, so that
/// the two directions differ; each undoes the other. Results do not depend on the vector width: every element has its own fixed order of
/// additions. Thread-safe.
/// </remarks>
public sealed class HadamardTransform
{
    private readonly int _order;
    private readonly int _inner;
    private readonly int _block;
    private readonly double _scale;

    /// <summary>Prepares the transform of size <paramref name="n"/>.</summary>
    /// <param name="n">Order of H.</param>
    /// <param name="inner">Neighbouring elements that share an index of H: rows are multiplied by H ⊗ I_inner.</param>
    /// <exception cref="ArgumentException">No Hadamard matrix of this size is known.</exception>
    public HadamardTransform(int n, int inner = 1)
    {
        HadamardSize size = HadamardSize.Factor(n);
        Size = n * inner;
        _inner = inner;
        _order = size.M;
        _block = inner << size.K;
        _scale = 1 / Math.Sqrt(n);
    }

    /// <summary>Length of the rows.</summary>
    public int Size { get; }

    /// <summary>row := row·H, in place, in single precision.</summary>
    /// <exception cref="ArgumentException">The row has another length than <see cref="Size"/>.</exception>
    public void Apply(Span<float> row) => Transform(row, transposed: false, (float)_scale);

    /// <summary>row := row·H, in place, in double precision.</summary>
    /// <inheritdoc cref="Apply(Span{float})"/>
    public void Apply(Span<double> row) => Transform(row, transposed: false, _scale);

    /// <summary>row := row·Hᵀ, in place, in single precision: the inverse of <see cref="Apply(Span{float})"/>.</summary>
    /// <inheritdoc cref="Apply(Span{float})"/>
    public void ApplyTransposed(Span<float> row) => Transform(row, transposed: true, (float)_scale);

    /// <summary>row := row·Hᵀ, in place, in double precision: the inverse of <see cref="Apply(Span{double})"/>.</summary>
    /// <inheritdoc cref="Apply(Span{float})"/>
    public void ApplyTransposed(Span<double> row) => Transform(row, transposed: true, _scale);

    private void Transform<T>(Span<T> row, bool transposed, T scale)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (row.Length != Size)
        {
            throw new ArgumentException($"a Hadamard transform of size {Size} got a row of {row.Length}", nameof(row));
        }

        for (int start = 0; start < row.Length; start += _block)
        {
            WalshHadamard(row.Slice(start, _block), _inner);
        }

        if (_order > 1)
        {
            MixBlocks(row, transposed);
        }

        Scale(row, scale);
    }

    /// <summary>x := x·(H_2^k ⊗ I_inner) without scaling. H_2^k is symmetric, so that this serves both directions.</summary>
    /// <remarks>Two strides at a time, each element being read and written once for both: the same additions in the same order.</remarks>
    private static void WalshHadamard<T>(Span<T> x, int inner)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int stride = inner;
        for (; stride * 4 <= x.Length; stride *= 4)
        {
            for (int start = 0; start < x.Length; start += 4 * stride)
            {
                DoubleButterfly(x.Slice(start, 4 * stride), stride);
            }
        }

        if (stride < x.Length)
        {
            LastButterfly(x, stride);
        }
    }

    /// <summary>Butterflies of <paramref name="stride"/>, then of twice that, over four blocks of it.</summary>
    private static void DoubleButterfly<T>(Span<T> x, int stride)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<T> a = x[..stride], b = x.Slice(stride, stride), c = x.Slice(2 * stride, stride), d = x.Slice(3 * stride, stride);
        int i = 0;
        for (; i <= stride - Vector<T>.Count; i += Vector<T>.Count)
        {
            (Vector<T> s, Vector<T> t, Vector<T> u, Vector<T> v) =
                (new Vector<T>(a[i..]), new Vector<T>(b[i..]), new Vector<T>(c[i..]), new Vector<T>(d[i..]));
            (s, t, u, v) = (s + t, s - t, u + v, u - v);
            (s + u).CopyTo(a[i..]);
            (t + v).CopyTo(b[i..]);
            (s - u).CopyTo(c[i..]);
            (t - v).CopyTo(d[i..]);
        }

        for (; i < stride; i++)
        {
            (T s, T t, T u, T v) = (a[i] + b[i], a[i] - b[i], c[i] + d[i], c[i] - d[i]);
            (a[i], b[i], c[i], d[i]) = (s + u, t + v, s - u, t - v);
        }
    }

    /// <summary>The last butterflies where the number of strides is odd: x is two blocks of <paramref name="stride"/>.</summary>
    private static void LastButterfly<T>(Span<T> x, int stride)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<Vector<T>> lows = MemoryMarshal.Cast<T, Vector<T>>(x[..stride]);
        Span<Vector<T>> highs = MemoryMarshal.Cast<T, Vector<T>>(x.Slice(stride, stride));
        for (int i = 0; i < lows.Length; i++)
        {
            (lows[i], highs[i]) = (lows[i] + highs[i], lows[i] - highs[i]);
        }

        for (int i = lows.Length * Vector<T>.Count; i < stride; i++)
        {
            (x[i], x[i + stride]) = (x[i] + x[i + stride], x[i] - x[i + stride]);
        }
    }

    /// <summary>Block a' := Σ_a H_m[a, a']·block a (or H_m[a', a] when transposed), a ascending.</summary>
    private void MixBlocks<T>(Span<T> row, bool transposed)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ReadOnlySpan<sbyte> matrix = HadamardMatrix.Shared(_order);
        T[] rented = ArrayPool<T>.Shared.Rent(row.Length);
        Span<T> source = rented.AsSpan(0, row.Length);
        row.CopyTo(source);
        row.Clear();
        for (int to = 0; to < _order; to++)
        {
            Span<T> target = row.Slice(to * _block, _block);
            for (int from = 0; from < _order; from++)
            {
                bool plus = matrix[transposed ? (to * _order) + from : (from * _order) + to] > 0;
                Accumulate(target, source.Slice(from * _block, _block), plus);
            }
        }

        ArrayPool<T>.Shared.Return(rented);
    }

    private static void Accumulate<T>(Span<T> target, ReadOnlySpan<T> source, bool plus)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<Vector<T>> targets = MemoryMarshal.Cast<T, Vector<T>>(target);
        ReadOnlySpan<Vector<T>> sources = MemoryMarshal.Cast<T, Vector<T>>(source);
        for (int i = 0; i < targets.Length; i++)
        {
            targets[i] = plus ? targets[i] + sources[i] : targets[i] - sources[i];
        }

        for (int i = targets.Length * Vector<T>.Count; i < target.Length; i++)
        {
            target[i] = plus ? target[i] + source[i] : target[i] - source[i];
        }
    }

    private static void Scale<T>(Span<T> row, T scale)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<Vector<T>> vectors = MemoryMarshal.Cast<T, Vector<T>>(row);
        for (int i = 0; i < vectors.Length; i++)
        {
            vectors[i] *= scale;
        }

        for (int i = vectors.Length * Vector<T>.Count; i < row.Length; i++)
        {
            row[i] *= scale;
        }
    }
}
