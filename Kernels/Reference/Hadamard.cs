using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Reference;

/// <summary>hadamard_transform of one block of a row: [size][inner].</summary>
internal static class Hadamard
{
    public static void Block(Span<float> x, HadamardShape shape)
    {
        Span<float> line = shape.Size <= 1024 ? stackalloc float[shape.Size] : new float[shape.Size];
        for (var inner = 0; inner < shape.Inner; inner++)
        {
            for (var i = 0; i < shape.Size; i++)
            {
                line[i] = x[(i * shape.Inner) + inner];
            }

            Line(line, shape);
            for (var i = 0; i < shape.Size; i++)
            {
                x[(i * shape.Inner) + inner] = line[i];
            }
        }
    }

    private static void Line(Span<float> x, HadamardShape shape)
    {
        for (var stride = 1; stride < shape.Doublings; stride *= 2)
        {
            for (var i = 0; i < x.Length; i++)
            {
                if ((i & (shape.Doublings - 1) & stride) == 0)
                {
                    (x[i], x[i + stride]) = (x[i] + x[i + stride], x[i] - x[i + stride]);
                }
            }
        }

        if (shape.Order > 1)
        {
            Mix(x, shape);
        }

        for (var i = 0; i < x.Length; i++)
        {
            x[i] *= shape.Scale;
        }
    }

    private static void Mix(Span<float> x, HadamardShape shape)
    {
        var source = x.ToArray();
        for (var i = 0; i < x.Length; i++)
        {
            var (to, within) = (i / shape.Doublings, i % shape.Doublings);
            var sum = 0f;
            for (var from = 0; from < shape.Order; from++)
            {
                var value = source[(from * shape.Doublings) + within];
                sum = shape.Matrix[(from * shape.Order) + to] > 0 ? sum + value : sum - value;
            }

            x[i] = sum;
        }
    }
}
