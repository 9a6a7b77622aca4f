namespace Orleans.Runtime;

/// <summary>The factory of a silo or client.</summary>
internal sealed class GrainFactory(GrainCaller caller, IServiceProvider services) : IClusterClient
{
    public IServiceProvider ServiceProvider => services;

    public TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey
    {
        ArgumentNullException.ThrowIfNull(primaryKey);
        GrainType type = GrainTypeCatalog.Implementing(typeof(TGrainInterface), grainClassNamePrefix).GrainType;
        return (TGrainInterface)(object)GrainReference.Create(caller, GrainId.Create(type, primaryKey), typeof(TGrainInterface));
    }
}
