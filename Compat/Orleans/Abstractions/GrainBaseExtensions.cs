using Orleans.Runtime;

namespace Orleans;

/// <summary>What a grain can ask of the runtime.</summary>
public static class GrainBaseExtensions
{
    /// <summary>Deactivates the activation when its running requests have finished.</summary>
    public static void DeactivateOnIdle(this IGrainBase grain) =>
        grain.GrainContext.Deactivate(new(DeactivationReasonCode.ApplicationRequested, "DeactivateOnIdle was called."));
}
