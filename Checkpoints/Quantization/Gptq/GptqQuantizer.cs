using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>Rounds a weight matrix column by column, each rounding making up for the errors of those before it (GPTQ).</summary>
/// <remarks>
/// Frantar et al., arXiv 2210.17323, with the options of QuaRot's code (arXiv 2404.00456, section 5): minimises ‖(W - Ŵ)·Xᵀ‖² greedily,
/// H = Xᵀ·X being the second moments of the layer's input. Here with H = R·Rᵀ, R upper triangular: column j is rounded at
/// w_j + Σ_{i&lt;j} R_ij·e_i / R_jj, e_i = w_i - ŵ_i, which is the same as passing each error on to the columns behind it. Rows are
/// independent: the result does not depend on the number of threads.
/// </remarks>
public static class GptqQuantizer
{
    /// <summary>How often the damping is multiplied by 10 where the Hessian is not positive definite.</summary>
    private const int DampingRetries = 3;

    /// <summary>Quantizes a matrix.</summary>
    /// <param name="weights">[out, in] in Float32.</param>
    /// <param name="hessian">[in, in], the sum of xᵀ·x over the inputs x.</param>
    /// <param name="options">Bits, groups and the rest.</param>
    /// <param name="cancellation">Stops between blocks of rows.</param>
    /// <exception cref="ArgumentException">The options or the Hessian do not fit the matrix; the message names it.</exception>
    /// <exception cref="InvalidDataException">
    /// The Hessian is not finite, or singular in spite of the damping, or a weight is not finite; the message names the matrix.
    /// </exception>
    public static LinearWeights Quantize(
        LinearWeights weights, double[] hessian, GptqOptions options, CancellationToken cancellation = default)
    {
        WeightQuantizer.CheckShape(weights.Name, weights.InFeatures, options.Bits, options.GroupSize);
        int n = weights.InFeatures, rows = weights.OutFeatures;
        if (hessian.LongLength != (long)n * n)
        {
            throw new ArgumentException($"{weights.Name}: {n} input features, a Hessian of {hessian.LongLength} elements");
        }

        int[] order = options.OrderByActivation ? Descending(hessian, n) : [.. Enumerable.Range(0, n)];
        var range = new IntegerRange(options.Bits);
        TriangularFactor factor = Decompose(weights.Name, Permute(hessian, n, order), n, options.Damping);
        var plan = new RoundingPlan(factor, order, range, options);
        CodeRefinement? refinement = options.RefinementPasses == 0 ? null : new CodeRefinement(hessian, n, range, plan.GroupSize, options);

        int groups = n / plan.GroupSize;
        int rowBytes = range.Format == WeightFormat.Int4 ? n / 2 : n;
        var data = new byte[(long)rows * rowBytes];
        var scales = new float[rows * groups];
        const int Block = BlockRounding.Lanes;
        ParallelRows.Run((rows + Block - 1) / Block, () => new BlockRounding(plan), (block, worker) =>
        {
            int first = block * Block, count = Math.Min(Block, rows - first);
            worker.Round(weights, first, count);
            for (int r = 0; r < count; r++)
            {
                Span<float> rowScales = scales.AsSpan((first + r) * groups, groups);
                worker.CopyRow(r, rowScales);
                refinement?.Refine(worker.Row, worker.Codes, rowScales);
                Store(worker.Codes, data.AsSpan((first + r) * rowBytes, rowBytes), range);
            }
        }, cancellation);
        return weights with { Format = range.Format, Data = data, Scales = scales, GroupSize = options.GroupSize };
    }

    /// <summary>R of the damped Hessian.</summary>
    /// <exception cref="InvalidDataException">It is not finite, or singular in spite of the damping; the message names the matrix.</exception>
    public static TriangularFactor Decompose(string name, ReadOnlySpan<double> hessian, int n, double damping)
    {
        double trace = 0;
        for (int i = 0; i < n; i++)
        {
            trace += hessian[(i * n) + i];
        }

        if (!double.IsFinite(trace))
        {
            throw new InvalidDataException($"{name}: its calibration inputs are not finite");
        }

        double mean = trace / n;
        for (int attempt = 0; attempt <= DampingRetries && mean > 0; attempt++)
        {
            if (TriangularFactor.Of(hessian, n, damping * Math.Pow(10, attempt) * mean) is { } factor)
            {
                return factor;
            }
        }

        throw new InvalidDataException($"{name}: the Hessian of its calibration inputs is singular: {(mean > 0
            ? $"damping it by up to {damping * Math.Pow(10, DampingRetries)} did not help"
            : "they are all zero")}");
    }

    private static int[] Descending(double[] hessian, int n) =>
        [.. Enumerable.Range(0, n).OrderByDescending(i => hessian[(i * n) + i]).ThenBy(i => i)];

    private static double[] Permute(double[] hessian, int n, int[] order)
    {
        var permuted = new double[hessian.Length];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                permuted[(i * n) + j] = hessian[(order[i] * n) + order[j]];
            }
        }

        return permuted;
    }

    private static void Store(ReadOnlySpan<sbyte> codes, Span<byte> stored, IntegerRange range)
    {
        if (range.Format == WeightFormat.Int4)
        {
            PackedInt4.Pack(codes, stored);
        }
        else
        {
            MemoryMarshal.AsBytes(codes).CopyTo(stored);
        }
    }
}
