using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization.Gptq;

namespace QuaRot.Engine.Calibration;

/// <summary>Finds the activation clip whose rounding disturbs the outputs of a site's linear layers least.</summary>
internal static class ClipSearch
{
    private const int Largest = 100, Least = 40, First = 76, Step = 4;

    /// <summary>The best ratio for Σ‖(x - rounded x)·Wᵀ‖².</summary>
    /// <param name="x">[rows, width] inputs.</param>
    /// <param name="linears">The layers that read them, in Float32.</param>
    /// <param name="bits">Bits of the activations.</param>
    /// <returns>From 0.4 to 1 in steps of 0.04; 0.76 where nothing makes a difference.</returns>
    public static float Find(float[] x, IReadOnlyList<LinearWeights> linears, int bits)
    {
        var width = linears[0].InFeatures;
        var weights = SecondMoments.OfOne(width);
        foreach (var linear in linears)
            weights.Add(MemoryMarshal.Cast<byte, float>(linear.Data.Span).ToArray());

        // The error has one minimum: downhill from where it lies for most layers.
        var error = new float[x.Length];
        var losses = new Dictionary<int, double>();
        double Loss(int percent) => percent is < Least or > Largest ? double.PositiveInfinity
            : losses.TryGetValue(percent, out var known) ? known
            : losses[percent] = Disturbance(x, width, bits, percent / 100f, weights, error);

        var best = First;
        while (true)
        {
            var next = Loss(best + Step) < Loss(best) ? best + Step : Loss(best - Step) < Loss(best) ? best - Step : best;
            if (next == best)
                return best / 100f;
            best = next;
        }
    }

    private static double Disturbance(float[] x, int width, int bits, float ratio, SecondMoments weights, float[] error)
    {
        ActivationRounding.Round(x, width, bits, ratio, error);
        for (var i = 0; i < x.Length; i++)
            error[i] -= x[i];
        var moments = SecondMoments.OfOne(width);
        moments.Add(error);
        var loss = 0.0;
        for (var i = 0; i < moments.Values.Length; i++)
            loss += moments.Values[i] * weights.Values[i];
        return loss;
    }
}
