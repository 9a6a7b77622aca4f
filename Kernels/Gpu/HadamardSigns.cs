using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Gpu;

/// <summary>The signs of a Hadamard matrix of order m as the kernels read them.</summary>
internal static class HadamardSigns
{
    /// <summary>[ceil(m/8)][m] bytes: bit i of [c][from] is 1 where H[from, 8c + i] = -1.</summary>
    public static byte[] Bits(HadamardShape shape)
    {
        var m = shape.Order;
        var signs = new byte[(m + 7) / 8 * m];
        for (var to = 0; to < m; to++)
        {
            for (var from = 0; from < m; from++)
            {
                signs[(to / 8 * m) + from] |= (byte)(shape.Matrix[(from * m) + to] > 0 ? 0 : 1 << (to % 8));
            }
        }

        return signs;
    }
}
