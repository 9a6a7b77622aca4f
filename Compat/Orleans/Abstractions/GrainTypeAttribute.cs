using Orleans.Runtime;

namespace Orleans;

/// <summary>Names the grain type, which is the first half of each of its grain ids.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class GrainTypeAttribute(string grainType) : Attribute
{
    private readonly GrainType _type = GrainType.Create(grainType);

    /// <summary>The name given, whatever the class.</summary>
    public GrainType GetGrainType(IServiceProvider services, Type type) => _type;
}
