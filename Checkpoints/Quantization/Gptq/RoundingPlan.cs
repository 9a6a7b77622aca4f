namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>What all rows of a matrix share in GPTQ.</summary>
internal sealed class RoundingPlan
{
    public RoundingPlan(TriangularFactor factor, int[] order, IntegerRange range, GptqOptions options)
    {
        int n = factor.Size;
        (Size, Order, Range, Options) = (n, order, range, options);
        GroupSize = options.GroupSize == 0 ? n : options.GroupSize;
        Weights = new float[(long)n * n];
        Parallel.For(0, n, j =>
        {
            double diagonal = factor.Values[((long)j * n) + j];
            for (int i = 0; i < j; i++)
            {
                Weights[((long)j * n) + i] = (float)(factor.Values[((long)i * n) + j] / diagonal);
            }
        });
    }

    /// <summary>Columns.</summary>
    public int Size { get; }

    /// <summary>[size] the column that is rounded first, second, and so on.</summary>
    public int[] Order { get; }

    public IntegerRange Range { get; }

    public GptqOptions Options { get; }

    /// <summary>Columns that share a scale.</summary>
    public int GroupSize { get; }

    /// <summary>True when a group's scale is found once the errors of the groups before it are known.</summary>
    public bool ScalesAsItGoes => !Options.OrderByActivation && GroupSize < Size;

    /// <summary>[size, size]: row j holds R_ij / R_jj for i &lt; j, in the order of rounding.</summary>
    public float[] Weights { get; }
}
