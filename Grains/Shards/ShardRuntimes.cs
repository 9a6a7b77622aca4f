using System.Collections.Concurrent;
using QuaRot.Engine.Pipeline;
using QuaRot.Grains.Models;

namespace QuaRot.Grains.Shards;

/// <summary>The stages that live in this silo. Disposed with the silo's services, so that even a killed silo frees its device threads.</summary>
public sealed class ShardRuntimes(ServedModel model, ActivationLinks links, IGrainFactory grains, ILocalSiloDetails silo) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<ShardRuntime, byte> _live = new();

    /// <summary>Loads a stage on a thread of its own.</summary>
    public async Task<ShardRuntime> LoadAsync(ShardKey key)
    {
        var stage = await Task.Run(() => model.LoadStage(key.Stage));
        var runtime = new ShardRuntime(key, new StageWorker(stage), model, links, grains, silo.SiloAddress.ToString());
        _live[runtime] = 0;
        return runtime;
    }

    /// <summary>Stops a stage and frees its memory.</summary>
    public async Task ReleaseAsync(ShardRuntime runtime)
    {
        if (_live.TryRemove(runtime, out _))
            await runtime.DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var runtime in _live.Keys)
            await ReleaseAsync(runtime);
    }
}
