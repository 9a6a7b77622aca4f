using Orleans.Runtime;

namespace Orleans.Serialization;

/// <summary>Immutable values.</summary>
internal sealed class SharedCopier<T> : Copier<T>
{
    public SharedCopier() => IsShared = true;

    public override T Copy(T value, CopyContext context) => value;
}

/// <summary>Grain references. A grain itself is no reference to it.</summary>
internal sealed class ReferenceCopier<T> : Copier<T>
{
    public override T Copy(T value, CopyContext context) => value is null or GrainReference
        ? value
        : throw new CodecNotFoundException(
            $"{value.GetType()} is a grain, not a reference to one: pass this.AsReference<{typeof(T).Name}>() instead.");
}

/// <summary>Values of which only the runtime type says how to copy them.</summary>
internal sealed class RuntimeTypeCopier<T> : Copier<T>
{
    public override T Copy(T value, CopyContext context)
    {
        if (value is null || value.GetType() == typeof(object))
        {
            return value;
        }

        return (T)For(value.GetType(), $"a value given as {typeof(T)}").CopyObject(value, context)!;
    }
}

internal sealed class NullableCopier<T> : Copier<T?>
    where T : struct
{
    private Copier<T> _value = null!;

    public override T? Copy(T? value, CopyContext context) => value is { } present ? _value.Copy(present, context) : null;

    protected override void Resolve() => _value = For<T>($"Nullable<{typeof(T)}>");
}
