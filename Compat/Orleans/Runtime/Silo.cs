using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime.Placement;

namespace Orleans.Runtime;

/// <summary>One silo of this process.</summary>
internal sealed class Silo : ILocalSiloDetails, IPlacementContext
{
    private ITimer? _collector;

    public Silo(IServiceProvider services)
    {
        Services = services;
        Time = services.GetRequiredService<TimeProvider>();
        Logger = services.GetRequiredService<ILoggerFactory>().CreateLogger<Silo>();
        CollectionOptions = Option<GrainCollectionOptions>();
        var endpoint = new IPEndPoint(IPAddress.Loopback, Option<EndpointOptions>().SiloPort);
        SiloAddress = SiloAddress.New(endpoint, SiloAddress.AllocateNewGeneration());
        Name = $"Silo_{SiloAddress.Generation}";
        ClusterOptions cluster = Option<ClusterOptions>();
        ClusterId = cluster.ClusterId;
        Cluster = InProcessCluster.Named(cluster.ClusterId, cluster.ServiceId);
        ResponseTimeout = Option<SiloMessagingOptions>().ResponseTimeout;
        Caller = new GrainCaller(() => Cluster, this, ResponseTimeout, Time);
    }

    public IServiceProvider Services { get; }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    public InProcessCluster Cluster { get; }

    public GrainCaller Caller { get; }

    public GrainCollectionOptions CollectionOptions { get; }

    public TimeSpan ResponseTimeout { get; }

    public SiloStatus Status { get; set; } = SiloStatus.Created;

    public string Name { get; }

    public string ClusterId { get; }

    public SiloAddress SiloAddress { get; }

    SiloAddress IPlacementContext.LocalSilo => SiloAddress;

    SiloAddress[] IPlacementContext.GetCompatibleSilos(PlacementTarget target) =>
        Cluster.ActiveSilos is { Length: > 0 } active
            ? [.. active.Select(silo => silo.SiloAddress)]
            : throw new SiloUnavailableException($"No active silo can hold grain {target.GrainIdentity}.");

    public void Start()
    {
        if (CollectionOptions.CollectionAge <= CollectionOptions.CollectionQuantum)
        {
            throw new OrleansConfigurationException($"GrainCollectionOptions.CollectionAge ({CollectionOptions.CollectionAge}) must be "
                + $"greater than CollectionQuantum ({CollectionOptions.CollectionQuantum}).");
        }

        Cluster.Join(this);
        _collector = Time.CreateTimer(_ => Collect(), null, CollectionOptions.CollectionQuantum, CollectionOptions.CollectionQuantum);
        Log.SiloActive(Logger, Name, SiloAddress, ClusterId);
    }

    /// <summary>Stops gracefully, or kills the silo when the token is already cancelled: then no grain of it says goodbye.</summary>
    public async Task StopAsync(CancellationToken token)
    {
        if (Status != SiloStatus.Active)
        {
            return;
        }

        if (!token.IsCancellationRequested)
        {
            Status = SiloStatus.ShuttingDown;
            await DeactivateAllAsync(token);
        }

        Die();
    }

    private async Task DeactivateAllAsync(CancellationToken token)
    {
        Activation[] activations = [.. Cluster.ActivationsOn(this)];
        foreach (Activation activation in activations)
        {
            activation.Deactivate(new(DeactivationReasonCode.ShuttingDown, "The silo is shutting down."));
        }

        Task all = Task.WhenAll(activations.Select(activation => activation.Deactivated));
        await all.WaitAsync(token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Die()
    {
        _collector?.Dispose();
        var error = new SiloUnavailableException($"Silo {SiloAddress} ({Name}) is dead.");
        foreach (Activation activation in Cluster.Leave(this))
        {
            activation.Abandon(error);
        }
    }

    private void Collect()
    {
        DateTimeOffset now = Time.GetUtcNow();
        foreach (Activation activation in Cluster.ActivationsOn(this))
        {
            activation.CollectIfIdle(now);
        }
    }

    private TOptions Option<TOptions>()
        where TOptions : class => Services.GetRequiredService<IOptions<TOptions>>().Value;
}
