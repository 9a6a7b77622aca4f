using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>What the runtime must be able to do with a state whose type it does not know.</summary>
internal interface IActivationState
{
    Task ReadStateAsync();
}

/// <summary>A state of one activation, bridged to its storage provider.</summary>
internal sealed class PersistentState<TState>(string name, GrainId grain, IGrainStorage storage)
    : IPersistentState<TState>, IActivationState
{
    private readonly GrainState<TState> _record = new(NewState());

    public TState State
    {
        get => _record.State!;
        set => _record.State = value;
    }

    public string? Etag => _record.ETag;

    public bool RecordExists => _record.RecordExists;

    public async Task ReadStateAsync()
    {
        await storage.ReadStateAsync(name, grain, _record);
        _record.State ??= NewState();
    }

    public Task WriteStateAsync() => storage.WriteStateAsync(name, grain, _record);

    public async Task ClearStateAsync()
    {
        await storage.ClearStateAsync(name, grain, _record);
        _record.State ??= NewState();
    }

    /// <exception cref="BadProviderConfigException">No such provider is registered.</exception>
    public static IActivationState Create(IPersistentStateConfiguration which, IGrainContext context)
    {
        IGrainStorage? storage = string.IsNullOrWhiteSpace(which.StorageName)
            ? context.ActivationServices.GetService<IGrainStorage>()
            : context.ActivationServices.GetKeyedService<IGrainStorage>(which.StorageName);
        string missing = string.IsNullOrWhiteSpace(which.StorageName)
            ? "No default storage provider"
            : $"No storage provider named \"{which.StorageName}\"";
        return new PersistentState<TState>(which.StateName, context.GrainId,
            storage ?? throw new BadProviderConfigException($"{missing} found loading grain type {context.GrainId.Type}."));
    }

    private static TState NewState() => typeof(TState).IsValueType || typeof(TState).GetConstructor(Type.EmptyTypes) is not null
        ? Activator.CreateInstance<TState>()
        : default!;
}
