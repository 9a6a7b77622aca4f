using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Reference;

/// <summary>w4a4_gemm and its relatives.</summary>
internal static class Gemm
{
    public static unsafe void Run(HostRows x, ReferenceLinear w, HostFloats y, bool accumulate)
    {
        var isInteger = w.IsInteger && x.Bits < 16;
        var weights = new float[w.InFeatures];
        for (var o = 0; o < w.OutFeatures; o++)
        {
            for (var k = 0; k < w.InFeatures && !isInteger; k++)
            {
                weights[k] = w.Weight(o, k);
            }

            for (var row = 0; row < x.Rows; row++)
            {
                var start = (long)row * x.Stride;
                var value = isInteger
                    ? IntegerProduct(new ReadOnlySpan<sbyte>(x.Codes + start, x.Width), w, o) * x.Scales[row]
                    : Dot.Product(new ReadOnlySpan<float>(x.Floats() + start, x.Width), weights);
                value = w.Bias is null ? value : value + w.Bias[o];
                ref var target = ref y.Slice(((long)row * w.OutFeatures) + o, 1)[0];
                target = accumulate ? target + value : value;
            }
        }
    }

    private static float IntegerProduct(ReadOnlySpan<sbyte> x, ReferenceLinear w, int o)
    {
        var total = 0f;
        for (var group = 0; group < w.Groups; group++)
        {
            var sum = 0;
            for (var k = group * w.GroupSize; k < (group + 1) * w.GroupSize; k++)
            {
                sum += x[k] * w.Code(o, k);
            }

            total = MathF.FusedMultiplyAdd(sum, w.Scale(o, group), total);
        }

        return total;
    }
}
