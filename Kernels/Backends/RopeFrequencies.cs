using QuaRot.Checkpoints;

namespace QuaRot.Kernels.Backends;

/// <summary>The rotary frequencies of a head, in float32 step by step as Hugging Face computes them.</summary>
public static class RopeFrequencies
{
    /// <summary>inv_freq = 1/theta^(2i/head_dim), stretched as <paramref name="scaling"/> says.</summary>
    /// <param name="headDim">Elements of a head, even.</param>
    /// <param name="theta">Base.</param>
    /// <param name="scaling">How they are stretched; null where they are not.</param>
    /// <returns>[head_dim / 2] radians per position.</returns>
    public static float[] Compute(int headDim, float theta, RopeScaling? scaling)
    {
        var frequencies = new float[headDim / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            var frequency = 1f / (float)Math.Pow(theta, 2f * i / headDim);
            frequencies[i] = scaling?.Kind switch
            {
                null => frequency,
                RopeScalingKind.Linear => frequency / scaling.Factor,
                RopeScalingKind.Llama3 => Llama3(frequency, scaling),
                _ => throw new ArgumentException($"RoPE scaling {scaling.Kind} is not known", nameof(scaling)),
            };
        }

        return frequencies;
    }

    /// <summary>
    /// With n = original context / wavelength, the turns that a frequency makes in it: kept above high_freq_factor turns, divided below
    /// low_freq_factor, between them mixed in proportion (published with Llama 3.1).
    /// </summary>
    private static float Llama3(float frequency, RopeScaling scaling)
    {
        float context = scaling.OriginalMaxPositions;
        var wavelength = (float)(2 * Math.PI) / frequency;
        if (wavelength < context / scaling.HighFreqFactor)
        {
            return frequency;
        }

        if (wavelength > context / scaling.LowFreqFactor)
        {
            return frequency / scaling.Factor;
        }

        var kept = ((context / wavelength) - scaling.LowFreqFactor) / (scaling.HighFreqFactor - scaling.LowFreqFactor);
        return ((1 - kept) * frequency / scaling.Factor) + (kept * frequency);
    }
}
