namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>Fits scales and codes of a row, once GPTQ has rounded it, to the error e·H·eᵀ of the layer's output, e = w - code·scale.</summary>
/// <remarks>
/// Coordinate descent: in turn each scale gets its best value for the codes as they are, and each code the best one for all others.
/// Every step lowers the error or changes nothing.
/// </remarks>
internal sealed class CodeRefinement
{
    private readonly float[] _hessian;
    private readonly int _size, _group;
    private readonly IntegerRange _range;
    private readonly int _passes;

    public CodeRefinement(double[] hessian, int size, IntegerRange range, int groupSize, GptqOptions options)
    {
        (_size, _group, _range, _passes) = (size, groupSize, range, options.RefinementPasses);
        double trace = 0;
        for (int i = 0; i < size; i++)
        {
            trace += hessian[((long)i * size) + i];
        }

        // The same damping as in the rounding, in units of the mean diagonal.
        double unit = trace > 0 ? size / trace : 1;
        _hessian = Array.ConvertAll(hessian, value => (float)(value * unit));
        for (int i = 0; i < size; i++)
        {
            _hessian[((long)i * size) + i] += (float)options.Damping;
        }
    }

    /// <summary>Improves codes and scales of one row in place.</summary>
    public void Refine(ReadOnlySpan<float> row, Span<sbyte> codes, Span<float> scales)
    {
        var gradient = new float[_size];
        for (int pass = 0; pass < _passes; pass++)
        {
            Gradient(row, codes, scales, gradient);
            FitScales(codes, scales, gradient);
            if (!MoveCodes(row, codes, scales, gradient))
            {
                return;
            }
        }

        Gradient(row, codes, scales, gradient);
        FitScales(codes, scales, gradient);
    }

    /// <summary>e·H.</summary>
    private void Gradient(ReadOnlySpan<float> row, ReadOnlySpan<sbyte> codes, ReadOnlySpan<float> scales, float[] gradient)
    {
        Array.Clear(gradient);
        for (int k = 0; k < _size; k++)
        {
            AddColumn(gradient, k, row[k] - (codes[k] * scales[k / _group]));
        }
    }

    /// <summary>The step along a group's codes that lowers the error most, group by group.</summary>
    private void FitScales(ReadOnlySpan<sbyte> codes, Span<float> scales, float[] gradient)
    {
        var image = new float[_size];
        for (int g = 0; g < scales.Length; g++)
        {
            Array.Clear(image);
            for (int k = g * _group; k < (g + 1) * _group; k++)
            {
                AddColumn(image, k, codes[k]);
            }

            double slope = 0, curvature = 0;
            for (int k = g * _group; k < (g + 1) * _group; k++)
            {
                slope += (double)codes[k] * gradient[k];
                curvature += (double)codes[k] * image[k];
            }

            float step = curvature > 0 ? (float)(slope / curvature) : 0;
            if (step == 0 || !(scales[g] + step > scales[g] / 2))
            {
                continue;
            }

            scales[g] += step;
            for (int k = 0; k < _size; k++)
            {
                gradient[k] -= step * image[k];
            }
        }
    }

    private bool MoveCodes(ReadOnlySpan<float> row, Span<sbyte> codes, ReadOnlySpan<float> scales, float[] gradient)
    {
        bool moved = false;
        for (int k = 0; k < _size; k++)
        {
            float scale = scales[k / _group];
            float best = codes[k] + (gradient[k] / (_hessian[((long)k * _size) + k] * scale));
            int code = (int)Math.Clamp(MathF.Round(best, MidpointRounding.ToEven), _range.Lowest, _range.Highest);
            if (code != codes[k])
            {
                AddColumn(gradient, k, (codes[k] - code) * scale);
                codes[k] = (sbyte)code;
                moved = true;
            }
        }

        return moved;
    }

    private void AddColumn(float[] target, int column, float factor)
    {
        ReadOnlySpan<float> h = _hessian.AsSpan(column * _size, _size);
        var f = new System.Numerics.Vector<float>(factor);
        int lanes = System.Numerics.Vector<float>.Count, i = 0;
        for (; i <= _size - lanes; i += lanes)
        {
            System.Numerics.Vector.FusedMultiplyAdd(f, new(h[i..]), new(target, i)).CopyTo(target, i);
        }

        for (; i < _size; i++)
        {
            target[i] = MathF.FusedMultiplyAdd(factor, h[i], target[i]);
        }
    }
}
