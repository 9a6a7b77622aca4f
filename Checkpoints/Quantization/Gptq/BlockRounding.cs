using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>GPTQ of up to 32 rows at once, one in each lane.</summary>
internal sealed class BlockRounding
{
    /// <summary>Rows of a block: two vectors.</summary>
    public const int Lanes = 32;

    private readonly RoundingPlan _plan;
    private readonly ScaleSearch _search;
    private readonly float[] _weights, _errors;
    private readonly float[][] _scales;
    private readonly sbyte[][] _codes;
    private readonly float[][] _rows;

    public BlockRounding(RoundingPlan plan)
    {
        int n = plan.Size;
        _plan = plan;
        _search = new ScaleSearch(plan.Range, plan.GroupSize);
        (_weights, _errors) = (new float[n * Lanes], new float[n * Lanes]);
        _scales = [.. Enumerable.Range(0, Lanes).Select(_ => new float[n / plan.GroupSize])];
        _codes = [.. Enumerable.Range(0, Lanes).Select(_ => new sbyte[n])];
        _rows = [.. Enumerable.Range(0, Lanes).Select(_ => new float[n])];
        (Row, Codes) = (_rows[0], _codes[0]);
    }

    /// <summary>The weights of the row that <see cref="CopyRow"/> chose.</summary>
    public float[] Row { get; private set; }

    /// <summary>Its codes.</summary>
    public sbyte[] Codes { get; private set; }

    /// <summary>Chooses a row of the block and copies its scales.</summary>
    public void CopyRow(int row, Span<float> scales)
    {
        (Row, Codes) = (_rows[row], _codes[row]);
        _scales[row].CopyTo(scales);
    }

    /// <summary>Rounds the rows from <paramref name="first"/> on.</summary>
    public void Round(LinearWeights weights, int first, int count)
    {
        int n = _plan.Size, group = _plan.GroupSize;
        Array.Clear(_weights);
        for (int r = 0; r < count; r++)
        {
            FloatRows.Read(weights, first + r, _rows[r]);
            for (int j = 0; j < n; j++)
            {
                _weights[(j * Lanes) + r] = _rows[r][_plan.Order[j]];
            }

            for (int g = 0; g < n / group && !_plan.ScalesAsItGoes; g++)
            {
                _scales[r][g] = _search.Find(_rows[r].AsSpan(g * group, group), _plan.Options.ClipSearch, weights.Name, first + r);
            }
        }

        Span<float> targets = stackalloc float[Lanes];
        for (int j = 0; j < n; j++)
        {
            if (_plan.ScalesAsItGoes && j % group == 0)
            {
                FindGroupScales(j, count, weights.Name, first);
            }

            Target(j, 0, targets);
            RoundColumn(j, count, targets);
        }
    }

    private void RoundColumn(int j, int count, ReadOnlySpan<float> targets)
    {
        int column = _plan.Order[j];
        for (int r = 0; r < count; r++)
        {
            float scale = _scales[r][column / _plan.GroupSize];
            float code = MathF.Round(targets[r] / scale, MidpointRounding.ToEven);
            code = Math.Clamp(code, _plan.Range.Lowest, _plan.Range.Highest);
            _codes[r][column] = (sbyte)code;
            _errors[(j * Lanes) + r] = _weights[(j * Lanes) + r] - (code * scale);
        }
    }

    /// <summary>
    /// Scales of the group that starts at column j from what its weights become by the errors of the groups before it: the group's own
    /// errors are set to what leaves its targets unrounded, column by column.
    /// </summary>
    private void FindGroupScales(int first, int count, string name, int firstRow)
    {
        int group = _plan.GroupSize;
        Span<float> targets = stackalloc float[Lanes];
        var moved = new float[Lanes][];
        for (int r = 0; r < count; r++)
        {
            moved[r] = new float[group];
        }

        for (int j = first; j < first + group; j++)
        {
            Target(j, 0, targets);
            for (int r = 0; r < count; r++)
            {
                moved[r][j - first] = targets[r];
                _errors[(j * Lanes) + r] = _weights[(j * Lanes) + r] - targets[r];
            }
        }

        for (int r = 0; r < count; r++)
        {
            _scales[r][first / group] = _search.Find(moved[r], _plan.Options.ClipSearch, name, firstRow + r);
        }
    }

    /// <summary>w_j + Σ_{i&lt;j} R_ij·e_i / R_jj of all rows, four chains of additions, i ascending in each.</summary>
    private void Target(int j, int from, Span<float> targets)
    {
        ref float factor = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_plan.Weights), (nint)((long)j * _plan.Size));
        ref float errors = ref MemoryMarshal.GetArrayDataReference(_errors);
        Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        int i = from;
        for (; i <= j - 4; i += 4)
        {
            nuint at = (nuint)(i * Lanes);
            Vector512<float> f = Vector512.Create(Unsafe.Add(ref factor, i));
            a0 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at), a0);
            a1 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 16), a1);
            f = Vector512.Create(Unsafe.Add(ref factor, i + 1));
            b0 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 32), b0);
            b1 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 48), b1);
            f = Vector512.Create(Unsafe.Add(ref factor, i + 2));
            c0 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 64), c0);
            c1 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 80), c1);
            f = Vector512.Create(Unsafe.Add(ref factor, i + 3));
            d0 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 96), d0);
            d1 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 112), d1);
        }

        for (; i < j; i++)
        {
            nuint at = (nuint)(i * Lanes);
            Vector512<float> f = Vector512.Create(Unsafe.Add(ref factor, i));
            a0 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at), a0);
            a1 = Vector512.FusedMultiplyAdd(f, Vector512.LoadUnsafe(ref errors, at + 16), a1);
        }

        ref float weights = ref MemoryMarshal.GetArrayDataReference(_weights);
        ref float target = ref MemoryMarshal.GetReference(targets);
        ((a0 + b0) + (c0 + d0) + Vector512.LoadUnsafe(ref weights, (nuint)(j * Lanes))).StoreUnsafe(ref target);
        ((a1 + b1) + (c1 + d1) + Vector512.LoadUnsafe(ref weights, (nuint)((j * Lanes) + 16))).StoreUnsafe(ref target, 16);
    }
}
