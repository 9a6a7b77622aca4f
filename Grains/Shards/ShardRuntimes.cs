using Microsoft.Extensions.Logging;
using QuaRot.Contracts.Shards;
using QuaRot.Engine.Pipeline;
using QuaRot.Grains.Models;

namespace QuaRot.Grains.Shards;

/// <summary>The stages that live in this silo. Disposed with the silo's services, so that even a killed silo frees its device threads.</summary>
public sealed class ShardRuntimes(
    ServedModel model, ActivationLinks links, IGrainFactory grains, ILocalSiloDetails silo, ILogger<ShardRuntimes> log) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly HashSet<Task<ShardRuntime>> _all = [];
    private bool _disposed;

    /// <summary>Loads a stage on a thread of its own. The task ends with the loaded stage, which <see cref="ReleaseAsync"/> takes back.</summary>
    public Task<ShardRuntime> LoadAsync(ShardKey key)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var loading = Task.Run(() => Load(key));
            _all.Add(loading);
            return loading;
        }
    }

    /// <summary>Stops a stage, waiting for its load if need be, and frees its memory.</summary>
    public async Task ReleaseAsync(Task<ShardRuntime> runtime)
    {
        lock (_gate)
        {
            if (!_all.Remove(runtime))
                return;
        }

        await ((Task)runtime).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (runtime.IsCompletedSuccessfully)
            await runtime.Result.DisposeAsync();
    }

    /// <summary>The loaded stage of this silo that is this incarnation; null where there is none.</summary>
    internal ShardRuntime? Find(long incarnation)
    {
        lock (_gate)
            return _all.Where(loading => loading.IsCompletedSuccessfully).Select(loading => loading.Result).FirstOrDefault(runtime => runtime.Status.Incarnation == incarnation);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task<ShardRuntime>[] all;
        lock (_gate)
        {
            _disposed = true;
            all = [.. _all];
        }

        foreach (var runtime in all)
            await ReleaseAsync(runtime);
    }

    private ShardRuntime Load(ShardKey key) =>
        new(key, new StageWorker(model.LoadStage(key.Stage)), model, this, links, grains, silo.SiloAddress.ToString(), log);
}
