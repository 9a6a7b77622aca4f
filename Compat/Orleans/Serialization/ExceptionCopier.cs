using System.Reflection;

namespace Orleans.Serialization;

/// <summary>
/// Exceptions keep their type, message, inner exception and trace. What a product's exception holds beyond that travels only
/// where it is marked with [Id] in a type with [GenerateSerializer]; the rest is reset, as it would be on another machine.
/// </summary>
internal sealed class ExceptionCopier<T> : Copier<T>
    where T : Exception
{
    private static readonly Func<object, object> s_clone =
        typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!.CreateDelegate<Func<object, object>>();

    private readonly List<(FieldInfo Field, Copier? Copier)> _own = [];

    public override T Copy(T value, CopyContext context)
    {
        if (value is null)
        {
            return value!;
        }

        if (value.GetType() != typeof(T))
        {
            return (T)For(value.GetType(), $"an exception given as {typeof(T)}").CopyObject(value, context)!;
        }

        var copy = (T)s_clone(value);
        foreach (var (field, copier) in _own)
        {
            object? original = field.GetValue(value);
            field.SetValue(copy, copier is null ? null : copier.CopyObject(original, context));
        }

        return copy;
    }

    protected override void Resolve()
    {
        for (Type level = typeof(T); !IsFramework(level); level = level.BaseType!)
        {
            HashSet<FieldInfo> marked = level.IsDefined(typeof(GenerateSerializerAttribute), false)
                ? [.. TravellingField.Marked(level).Select(field => field.Info)]
                : [];
            foreach (FieldInfo field in level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic
                | BindingFlags.DeclaredOnly))
            {
                _own.Add((field, marked.Contains(field) ? For(field.FieldType, $"{field.Name} of {level}") : null));
            }
        }
    }

    /// <summary>The runtime's own exceptions are cloned whole: their fields are not ours to know.</summary>
    private static bool IsFramework(Type level) => level.Assembly == typeof(Copier).Assembly
        || level.Assembly.GetName().Name is { } name
        && (name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.", StringComparison.Ordinal));
}
