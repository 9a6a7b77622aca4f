namespace Orleans.Runtime;

/// <summary>An activation as the runtime sees it.</summary>
public interface IGrainContext
{
    GrainReference GrainReference { get; }

    GrainId GrainId { get; }

    /// <summary>A scope of the silo's services that lives as long as the activation.</summary>
    IServiceProvider ActivationServices { get; }

    /// <summary>Starts to deactivate: running requests finish first; those that wait go to the next activation.</summary>
    void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default);
}
