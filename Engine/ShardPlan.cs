using QuaRot.Kernels;

namespace QuaRot.Engine;

/// <summary>Cuts a model into stages.</summary>
public static class ShardPlan
{
    /// <summary>Stages of equal length; where that does not go up, the first ones hold a layer more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are more stages than layers, or none.</exception>
    public static LayerRange[] Even(int numLayers, int stages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stages, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stages, numLayers);
        var plan = new LayerRange[stages];
        for (int stage = 0, start = 0; stage < stages; start = plan[stage++].End)
            plan[stage] = new LayerRange(start, start + numLayers / stages + (stage < numLayers % stages ? 1 : 0));
        return plan;
    }
}
