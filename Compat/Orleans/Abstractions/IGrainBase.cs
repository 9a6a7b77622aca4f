using Orleans.Runtime;

namespace Orleans;

/// <summary>What a grain class that does not derive from <see cref="Grain"/> implements.</summary>
public interface IGrainBase
{
    IGrainContext GrainContext { get; }

    Task OnActivateAsync(CancellationToken token) => Task.CompletedTask;

    Task OnDeactivateAsync(DeactivationReason reason, CancellationToken token) => Task.CompletedTask;
}
