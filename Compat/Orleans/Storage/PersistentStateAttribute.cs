namespace Orleans.Runtime;

/// <summary>A constructor parameter that the runtime fills by itself.</summary>
public interface IFacetMetadata;

/// <summary>Which state, in which storage.</summary>
public interface IPersistentStateConfiguration
{
    string StateName { get; }

    string? StorageName { get; }
}

/// <summary>On a constructor parameter of type <see cref="IPersistentState{TState}"/>: its name and its storage provider's.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
public class PersistentStateAttribute(string stateName, string? storageName = null)
    : Attribute, IFacetMetadata, IPersistentStateConfiguration
{
    public string StateName { get; } = stateName;

    public string? StorageName { get; } = storageName;
}
