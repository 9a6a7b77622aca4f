using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Placement;

namespace Orleans.Runtime;

/// <summary>What the attributes and the constructor of a grain class say.</summary>
internal sealed class GrainClass
{
    private readonly ParameterInfo[] _facets;
    private readonly ObjectFactory _create;

    public GrainClass(Type type)
    {
        Type = type;
        GrainType = type.GetCustomAttribute<GrainTypeAttribute>()?.GetGrainType(null!, type) ?? GrainType.Create(DefaultName(type));
        Placement = type.GetCustomAttribute<PlacementAttribute>()?.PlacementStrategy ?? new RandomPlacement();
        Reentrant = type.IsDefined(typeof(ReentrantAttribute));
        _facets = [.. type.GetConstructors()
            .SelectMany(constructor => constructor.GetParameters())
            .Where(parameter => parameter.IsDefined(typeof(PersistentStateAttribute)))];
        _create = ActivatorUtilities.CreateFactory(type, [.. _facets.Select(parameter => parameter.ParameterType)]);
    }

    public Type Type { get; }

    public GrainType GrainType { get; }

    public PlacementStrategy Placement { get; }

    public bool Reentrant { get; }

    /// <summary>Makes an instance with its services and states injected; the states are not read yet.</summary>
    public IGrainBase CreateInstance(Activation activation)
    {
        object[] states = [.. _facets.Select(parameter => CreateState(parameter, activation))];
        return (IGrainBase)_create(activation.ActivationServices, states);
    }

    private static object CreateState(ParameterInfo parameter, Activation activation)
    {
        Type stateType = parameter.ParameterType.GetGenericArguments()[0];
        MethodInfo create = typeof(PersistentState<>).MakeGenericType(stateType).GetMethod(nameof(PersistentState<object>.Create))!;
        var attribute = parameter.GetCustomAttribute<PersistentStateAttribute>()!;
        var state = (IActivationState)create.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [attribute, activation], null)!;
        activation.Add(state);
        return state;
    }

    private static string DefaultName(Type type)
    {
        string name = type.Name.ToLowerInvariant();
        return name.EndsWith("grain", StringComparison.Ordinal) && name.Length > "grain".Length ? name[..^"grain".Length] : name;
    }
}
