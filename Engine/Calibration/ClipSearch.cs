using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization.Gptq;

namespace QuaRot.Engine.Calibration;

/// <summary>Finds the activation clip whose rounding disturbs the outputs of a site's linear layers least.</summary>
internal static class ClipSearch
{
    /// <summary>Ratios that are tried, the largest first: equal errors keep it.</summary>
    private static readonly float[] Ratios = [.. Enumerable.Range(0, 13).Select(step => (100 - (4 * step)) / 100f)];

    /// <summary>The best ratio for Σ‖(x - rounded x)·Wᵀ‖².</summary>
    /// <param name="x">[rows, width] inputs.</param>
    /// <param name="linears">The layers that read them, in Float32.</param>
    /// <param name="bits">Bits of the activations.</param>
    public static float Find(float[] x, IReadOnlyList<LinearWeights> linears, int bits)
    {
        var width = linears[0].InFeatures;
        var weights = SecondMoments.OfOne(width);
        foreach (var linear in linears)
            weights.Add(MemoryMarshal.Cast<byte, float>(linear.Data.Span).ToArray());

        var (best, least) = (1f, double.PositiveInfinity);
        var error = new float[x.Length];
        foreach (var ratio in Ratios)
        {
            ActivationRounding.Round(x, width, bits, ratio, error);
            for (var i = 0; i < x.Length; i++)
                error[i] -= x[i];
            var moments = SecondMoments.OfOne(width);
            moments.Add(error);
            var loss = 0.0;
            for (var i = 0; i < moments.Values.Length; i++)
                loss += moments.Values[i] * weights.Values[i];
            if (loss < least)
                (best, least) = (ratio, loss);
        }

        return best;
    }
}
