using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime.Placement;

namespace Orleans.Runtime;

/// <summary>The silos of this process that name the same cluster, and the directory of their activations.</summary>
internal sealed class InProcessCluster(string clusterId, string serviceId)
{
    private static readonly ConcurrentDictionary<(string Cluster, string Service), InProcessCluster> s_clusters = new();

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<GrainId, Activation> _directory = new();
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<(string, GrainId), (object?, string)>> _memory = new();
    private Silo[] _silos = [];

    /// <summary>The silos that take new activations.</summary>
    public Silo[] ActiveSilos => [.. Volatile.Read(ref _silos).Where(silo => silo.Status == SiloStatus.Active)];

    /// <summary>Every activation of one silo.</summary>
    public IEnumerable<Activation> ActivationsOn(Silo silo) => _directory.Values.Where(activation => activation.Silo == silo);

    public static InProcessCluster Named(string clusterId, string serviceId) =>
        s_clusters.GetOrAdd((clusterId, serviceId), static key => new InProcessCluster(key.Cluster, key.Service));

    public ConcurrentDictionary<(string, GrainId), (object?, string)> MemoryRecordsOf(string provider) =>
        _memory.GetOrAdd(provider, static _ => new());

    public void Join(Silo silo)
    {
        lock (_gate)
        {
            s_clusters[(clusterId, serviceId)] = this;
            silo.Status = SiloStatus.Active;
            _silos = [.. _silos, silo];
        }
    }

    /// <summary>Takes the silo out, and with it what is left of its activations. The last one takes the cluster along.</summary>
    public List<Activation> Leave(Silo silo)
    {
        lock (_gate)
        {
            silo.Status = SiloStatus.Dead;
            _silos = [.. _silos.Where(other => other != silo)];
            List<Activation> left = [.. ActivationsOn(silo)];
            left.ForEach(Remove);
            if (_silos.Length == 0)
            {
                s_clusters.TryRemove(new((clusterId, serviceId), this));
            }

            return left;
        }
    }

    public void Remove(Activation activation) => _directory.TryRemove(new(activation.GrainId, activation));

    /// <summary>Hands a request to the grain's activation; makes one where there is none.</summary>
    /// <param name="request">The request.</param>
    /// <param name="from">The caller's silo; null for a client.</param>
    public void Dispatch(GrainRequest request, Silo? from)
    {
        if (_directory.TryGetValue(request.Target, out Activation? activation) && activation.TryEnqueue(request))
        {
            return;
        }

        // Not on the caller's turn: a placement director may await, and belongs to no grain.
        ThreadPool.UnsafeQueueUserWorkItem(_ => PlaceAsync(request, from), null);
    }

    private async void PlaceAsync(GrainRequest request, Silo? from)
    {
        try
        {
            while (!request.Response.IsCompleted)
            {
                if (_directory.TryGetValue(request.Target, out Activation? activation))
                {
                    if (activation.TryEnqueue(request))
                    {
                        return;
                    }

                    Remove(activation);
                }
                else
                {
                    GrainClass grainClass = GrainTypeCatalog.Named(request.Target.Type);
                    CreateOn(await PlaceAsync(grainClass, request, from), grainClass, request.Target);
                }
            }
        }
        catch (Exception error)
        {
            // Policy: whatever keeps a grain from being placed is the caller's to know.
            request.Fail(error);
        }
    }

    private async Task<SiloAddress> PlaceAsync(GrainClass grainClass, GrainRequest request, Silo? from)
    {
        Silo[] active = ActiveSilos;
        if (active.Length == 0)
        {
            throw new SiloUnavailableException(
                $"{request}: cluster {clusterId} of service {serviceId} has no active silo in this process.");
        }

        Silo local = from is { Status: SiloStatus.Active } ? from : active[Random.Shared.Next(active.Length)];
        PlacementStrategy strategy = grainClass.Placement;
        IPlacementDirector director = local.Services.GetKeyedService<IPlacementDirector>(strategy.GetType())
            ?? throw new OrleansConfigurationException($"No placement director is registered for {strategy.GetType()}.");
        return await director.OnAddActivation(strategy, new PlacementTarget(request.Target), local);
    }

    private void CreateOn(SiloAddress address, GrainClass grainClass, GrainId id)
    {
        lock (_gate)
        {
            // Another caller may have been faster, or the silo may have died meanwhile: the loop in PlaceAsync looks again.
            Silo? silo = Array.Find(_silos, candidate => candidate.SiloAddress.Equals(address) && candidate.Status == SiloStatus.Active);
            if (silo is null || _directory.ContainsKey(id))
            {
                return;
            }

            var activation = new Activation(silo, grainClass, id);
            _directory[id] = activation;
            activation.Activate();
        }
    }
}
