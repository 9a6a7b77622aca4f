using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Storage;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>Grain state in memory; writes fail while a test wants them to.</summary>
internal sealed class FaultyStorage : IGrainStorage
{
    private static readonly ConcurrentDictionary<string, string> Stored = [];

    public static volatile bool IsFull;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        grainState.RecordExists = Stored.TryGetValue($"{stateName}/{grainId}", out var data);
        grainState.State = grainState.RecordExists ? JsonSerializer.Deserialize<T>(data!)! : Activator.CreateInstance<T>();
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (IsFull)
            throw new IOException("disk is full");
        Stored[$"{stateName}/{grainId}"] = JsonSerializer.Serialize(grainState.State);
        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Stored.TryRemove($"{stateName}/{grainId}", out _);
        grainState.RecordExists = false;
        return Task.CompletedTask;
    }
}
