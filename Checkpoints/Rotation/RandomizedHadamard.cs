using QuaRot.Checkpoints.Hadamard;

namespace QuaRot.Checkpoints.Rotation;

/// <summary>
/// Q = diag(signs)·H_n, the orthogonal matrix that the residual stream is rotated by (QuaRot, section 3.1, arXiv 2404.00456).
/// </summary>
/// <remarks>
/// Sign i is negative where bit 63 of output i of SplitMix64(seed) is set: part of the checkpoint format, as other software can undo Q with
/// it.
/// </remarks>
public sealed class RandomizedHadamard
{
    private readonly HadamardTransform _transform;
    private readonly bool[] _negative;

    /// <summary>Prepares Q of order <paramref name="n"/>.</summary>
    /// <exception cref="ArgumentException">No Hadamard matrix of this size is known.</exception>
    public RandomizedHadamard(int n, ulong seed)
    {
        _transform = new HadamardTransform(n);
        _negative = new bool[n];
        for (int i = 0; i < n; i++)
        {
            _negative[i] = SplitMix64.Output(seed, (ulong)i) >> 63 == 1;
        }
    }

    /// <summary>Order n of the matrix.</summary>
    public int Size => _transform.Size;

    /// <summary>row := row·Q, in place.</summary>
    /// <exception cref="ArgumentException">The row has another length than <see cref="Size"/>.</exception>
    public void Apply(Span<double> row)
    {
        FlipSigns(row);
        _transform.Apply(row);
    }

    /// <summary>row := row·Qᵀ, in place: undoes <see cref="Apply"/>.</summary>
    /// <exception cref="ArgumentException">The row has another length than <see cref="Size"/>.</exception>
    public void ApplyTransposed(Span<double> row)
    {
        _transform.ApplyTransposed(row);
        FlipSigns(row);
    }

    private void FlipSigns(Span<double> row)
    {
        for (int i = 0; i < Math.Min(row.Length, _negative.Length); i++)
        {
            row[i] = _negative[i] ? -row[i] : row[i];
        }
    }
}
