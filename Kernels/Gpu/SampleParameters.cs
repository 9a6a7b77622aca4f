using System.Runtime.InteropServices;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels.Gpu;

/// <summary>How to sample a row, as sample_token.cu reads it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct SampleParameters
{
    private readonly ulong _seed;
    private readonly long _position;
    private readonly float _temperature;
    private readonly int _topK;
    private readonly float _topP;
    private readonly float _minP;
    private readonly float _penalty;
    private readonly int _penaltyStart;
    private readonly int _penaltyCount;
    private readonly int _isSkipped;

    /// <summary>Packs a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="penaltyStart">Where its penalised tokens begin among those of all rows.</param>
    /// <param name="penaltyCount">How many it has.</param>
    /// <param name="isSkipped">True where the host samples the row.</param>
    public SampleParameters(SamplingRow row, int penaltyStart, int penaltyCount, bool isSkipped)
    {
        (_seed, _position) = (row.Seed, row.Position);
        (_temperature, _topK, _topP, _minP, _penalty) = (row.Temperature, row.TopK, row.TopP, row.MinP, row.RepetitionPenalty);
        (_penaltyStart, _penaltyCount, _isSkipped) = (penaltyStart, penaltyCount, isSkipped ? 1 : 0);
    }
}
