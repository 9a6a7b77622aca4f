namespace QuaRot.Cluster.Tests.Support;

/// <summary>A served cluster that all tests of a class share.</summary>
public sealed class ServedLexi(QuantizedLexi lexi) : IAsyncLifetime
{
    private ServedCluster? _cluster;

    /// <summary>Where it listens.</summary>
    public Uri Address => _cluster!.Address;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _cluster = await ServedCluster.Start(lexi.Model);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _cluster?.DisposeAsync() ?? ValueTask.CompletedTask;
}
