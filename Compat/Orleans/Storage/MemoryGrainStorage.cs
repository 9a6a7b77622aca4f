using System.Collections.Concurrent;
using System.Globalization;
using Orleans.Runtime;
using Orleans.Serialization;

namespace Orleans.Storage;

/// <summary>Storage in the memory of the process. The records belong to the cluster, so they outlive any one silo of it.</summary>
public sealed class MemoryGrainStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<(string State, GrainId Grain), (object? Value, string ETag)> _records;

    internal MemoryGrainStorage(string name, InProcessCluster cluster) => _records = cluster.MemoryRecordsOf(name);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        bool exists = _records.TryGetValue((stateName, grainId), out var record);
        grainState.RecordExists = exists;
        grainState.ETag = exists ? record.ETag : null;
        grainState.State = exists ? (T?)Copier.DeepCopy(record.Value) : default;
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        lock (_records)
        {
            string? stored = CheckETag(stateName, grainId, grainState.ETag);
            long version = stored is null ? 0 : long.Parse(stored, CultureInfo.InvariantCulture);
            string next = (version + 1).ToString(CultureInfo.InvariantCulture);
            _records[(stateName, grainId)] = (Copier.DeepCopy(grainState.State), next);
            grainState.ETag = next;
        }

        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        lock (_records)
        {
            CheckETag(stateName, grainId, grainState.ETag);
            _records.TryRemove((stateName, grainId), out _);
        }

        grainState.State = default;
        grainState.ETag = null;
        grainState.RecordExists = false;
        return Task.CompletedTask;
    }

    private string? CheckETag(string stateName, GrainId grainId, string? held)
    {
        string? stored = _records.TryGetValue((stateName, grainId), out var record) ? record.ETag : null;
        return stored == held
            ? stored
            : throw new InconsistentStateException($"State {stateName} of grain {grainId} was written by somebody else.", stored, held);
    }
}
