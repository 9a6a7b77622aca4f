using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Runtime;

namespace Orleans.TestingHost;

/// <summary>A silo of a test cluster in this process.</summary>
public sealed class SiloHandle : IAsyncDisposable
{
    private readonly IHost _host;

    private SiloHandle(IHost host)
    {
        _host = host;
        var details = host.Services.GetRequiredService<ILocalSiloDetails>();
        (Name, SiloAddress) = (details.Name, details.SiloAddress);
    }

    public string Name { get; }

    public SiloAddress SiloAddress { get; }

    public bool IsActive { get; private set; } = true;

    internal IServiceProvider Services => _host.Services;

    /// <summary>Stops the silo, or kills it.</summary>
    public async Task StopSiloAsync(bool stopGracefully)
    {
        if (IsActive)
        {
            IsActive = false;
            await Task.Run(() => _host.StopAsync(new CancellationToken(canceled: !stopGracefully)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopSiloAsync(true);
        await ((IAsyncDisposable)_host).DisposeAsync();
    }

    public override string ToString() => SiloAddress.ToString();

    internal static async Task<SiloHandle> StartAsync(IHost host)
    {
        await Task.Run(() => host.StartAsync());
        return new SiloHandle(host);
    }
}
