using System.Collections.ObjectModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Orleans.TestingHost;

/// <summary>A cluster of silos and one client in this process, with ids of its own.</summary>
public class TestCluster : IAsyncDisposable
{
    private readonly short _initialSilos;
    private readonly Func<IHost> _createSilo;
    private readonly Func<IHost> _createClient;
    private readonly List<SiloHandle> _secondaries = [];
    private IHost? _client;

    internal TestCluster(short initialSilos, Func<IHost> createSilo, Func<IHost> createClient) =>
        (_initialSilos, _createSilo, _createClient) = (initialSilos, createSilo, createClient);

    public SiloHandle? Primary { get; private set; }

    public IReadOnlyList<SiloHandle> SecondarySilos
    {
        get
        {
            lock (_secondaries)
            {
                return [.. _secondaries];
            }
        }
    }

    public ReadOnlyCollection<SiloHandle> Silos =>
        (Primary is null ? SecondarySilos : [Primary, .. SecondarySilos]).ToList().AsReadOnly();

    public IClusterClient Client => _client?.Services.GetRequiredService<IClusterClient>()
        ?? throw new InvalidOperationException("The cluster was not deployed, or was stopped.");

    public IGrainFactory GrainFactory => Client;

    public async Task DeployAsync()
    {
        for (int i = 0; i < _initialSilos; i++)
        {
            await StartAdditionalSiloAsync();
        }

        _client = _createClient();
        await Task.Run(() => _client.StartAsync());
    }

    /// <summary>The first silo is the primary one.</summary>
    public async Task<SiloHandle> StartAdditionalSiloAsync()
    {
        SiloHandle silo = await SiloHandle.StartAsync(_createSilo());
        lock (_secondaries)
        {
            if (Primary is null && _secondaries.Count == 0)
            {
                Primary = silo;
            }
            else
            {
                _secondaries.Add(silo);
            }
        }

        return silo;
    }

    /// <summary>Stops a silo: its grains deactivate first.</summary>
    public Task StopSiloAsync(SiloHandle instance) => EndSiloAsync(instance, gracefully: true);

    /// <summary>Kills a silo: its grains learn nothing, and calls to them fail.</summary>
    public Task KillSiloAsync(SiloHandle instance) => EndSiloAsync(instance, gracefully: false);

    public async Task StopAllSilosAsync()
    {
        await StopClientAsync();
        foreach (SiloHandle silo in Silos.Reverse())
        {
            await StopSiloAsync(silo);
        }
    }

    /// <summary>Returns at once: silos of one process know of one another without delay.</summary>
    public Task WaitForLivenessToStabilizeAsync(bool didKill = false) => Task.CompletedTask;

    /// <param name="silo">Null: any.</param>
    public IServiceProvider GetSiloServiceProvider(Runtime.SiloAddress? silo = null) =>
        Silos.First(handle => silo is null || handle.SiloAddress.Equals(silo)).Services;

    public async ValueTask DisposeAsync()
    {
        await StopClientAsync();
        foreach (SiloHandle silo in Silos.Reverse())
        {
            await silo.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    private async Task StopClientAsync()
    {
        if (_client is { } client)
        {
            _client = null;
            await Task.Run(() => client.StopAsync());
            client.Dispose();
        }
    }

    private async Task EndSiloAsync(SiloHandle silo, bool gracefully)
    {
        await silo.StopSiloAsync(gracefully);
        lock (_secondaries)
        {
            _secondaries.Remove(silo);
            Primary = Primary == silo ? null : Primary;
        }
    }
}
