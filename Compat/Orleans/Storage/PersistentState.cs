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
    private readonly GrainState<TState> _record = new() { State = NewState() };

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
    public static IActivationState Create(PersistentStateAttribute which, IGrainContext context)
    {
        string provider = which.StorageName ?? "Default";
        IGrainStorage storage = context.ActivationServices.GetKeyedService<IGrainStorage>(provider) ?? throw new BadProviderConfigException(
            $"No storage provider named \"{provider}\" found loading grain type {context.GrainId.Type}.");
        return new PersistentState<TState>(which.StateName, context.GrainId, storage);
    }

    private static TState NewState() => typeof(TState).IsValueType || typeof(TState).GetConstructor(Type.EmptyTypes) is not null
        ? Activator.CreateInstance<TState>()
        : default!;
}
