using System.Reflection;

namespace Orleans.Runtime;

/// <summary>A reference to a grain; the runtime derives a class from it for each grain interface.</summary>
public class GrainReference : DispatchProxy, IAddressable, IEquatable<GrainReference>
{
    public GrainId GrainId { get; private set; }

    internal GrainCaller Caller { get; private set; } = null!;

    public bool Equals(GrainReference? other) => other is not null && GrainId.Equals(other.GrainId);

    public override bool Equals(object? obj) => Equals(obj as GrainReference);

    public override int GetHashCode() => GrainId.GetHashCode();

    public sealed override string ToString() => $"GrainReference:{GrainId}";

    internal static GrainReference Create(GrainCaller caller, GrainId id, Type interfaceType)
    {
        var reference = (GrainReference)Create(interfaceType, typeof(GrainReference));
        reference.GrainId = id;
        reference.Caller = caller;
        return reference;
    }

    internal GrainReference As(Type interfaceType) => interfaceType.IsInstanceOfType(this) ? this : Create(Caller, GrainId, interfaceType);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => GrainMethod.For(targetMethod!).Call(this, args ?? []);
}
