using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using QuaRot.Contracts.Shards;
using QuaRot.Grains.Models;

namespace QuaRot.Grains.Shards;

/// <summary>Gives a <see cref="ShardRuntime"/> its identity, its place and its calls.</summary>
/// <remarks>Reentrant: calls of many sessions overlap; the stage's own device thread puts the work in order.</remarks>
[Reentrant, ShardPlacement, GrainType("shard")]
public sealed class ShardGrain(ServedModel model, ShardRuntimes runtimes, ILogger<ShardGrain> log) : Grain, IShardGrain
{
    private Task<ShardRuntime>? _runtime;
    private ShardKey _key;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _key = ShardKey.Parse(this.GetPrimaryKeyString());
        if (_key.Model != model.Name || _key.Stage >= model.Options.Shards)
            throw new ArgumentException($"Shard {_key}: this cluster serves '{model.Name}' in {model.Options.Shards} shard(s).");

        // Weights stay where they are until the silo goes: idle collection must not take them away.
        DelayDeactivation(TimeSpan.FromDays(3650));
        _runtime = runtimes.LoadAsync(_key);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        _runtime is null ? Task.CompletedTask : runtimes.ReleaseAsync(_runtime);

    /// <inheritdoc/>
    public async Task<ShardStatus> Status() => (await Runtime()).Status;

    /// <inheritdoc/>
    public async Task<SchedulerReport> Scheduler() => (await Runtime()).SchedulerReport;

    /// <inheritdoc/>
    public async IAsyncEnumerable<BurstToken> Burst(
        BurstCall burst, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var runtime = await Runtime();
        await foreach (var token in runtime.Burst(burst, cancellationToken))
            yield return token;
    }

    /// <inheritdoc/>
    public async Task<SampledTokens> Forward(StageCall call) => await (await Runtime()).Forward(call);

    /// <inheritdoc/>
    public async Task Release(string sessionId) => (await Runtime()).Release(sessionId);

    // A failed load, or a scheduler that gave up, is reported to everyone who asks; the activation goes, so that the next call loads anew.
    private async Task<ShardRuntime> Runtime()
    {
        try
        {
            var runtime = await _runtime!;
            return runtime.Fault is null ? runtime : throw new InvalidOperationException($"Shard {_key}: its scheduler failed: {runtime.Fault.Message}");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.ShardLoadFailed(_key.ToString(), e.Message);
            DeactivateOnIdle();
            throw;
        }
    }
}
