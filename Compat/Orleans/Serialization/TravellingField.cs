using System.Reflection;
using System.Runtime.CompilerServices;

namespace Orleans.Serialization;

/// <summary>A field that travels: marked itself, or behind a property that is marked or is a record's primary parameter.</summary>
internal sealed record TravellingField(FieldInfo Info, string Name, bool Immutable)
{
    private const BindingFlags Declared =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Those of the type and of its base types.</summary>
    /// <exception cref="CodecNotFoundException">A base type lacks [GenerateSerializer], or a marked property has no field.</exception>
    public static List<TravellingField> Of(Type type)
    {
        List<TravellingField> fields = [];
        for (Type? level = type; level is not null && level != typeof(object) && level != typeof(ValueType); level = level.BaseType)
        {
            if (CopierKinds.IsTuple(level))
            {
                fields.AddRange(level.GetFields(Declared).Select(field => new TravellingField(field, field.Name, false)));
            }
            else if (level.IsDefined(typeof(GenerateSerializerAttribute), false))
            {
                fields.InsertRange(0, Marked(level));
            }
            else if (level.GetFields(Declared).Length > 0)
            {
                throw new CodecNotFoundException(
                    $"Could not find a copier for type {level}, a base of {type}. Is it missing [GenerateSerializer]?");
            }
        }

        return fields;
    }

    /// <summary>Those that one type declares itself.</summary>
    public static List<TravellingField> Marked(Type level)
    {
        HashSet<string> implied = PrimaryParameters(level);
        List<TravellingField> fields = [.. level.GetFields(Declared)
            .Where(field => field.IsDefined(typeof(IdAttribute)))
            .Select(field => new TravellingField(field, field.Name, field.IsDefined(typeof(ImmutableAttribute))))];
        foreach (PropertyInfo property in level.GetProperties(Declared))
        {
            bool marked = property.IsDefined(typeof(IdAttribute));
            FieldInfo? field = level.GetField($"<{property.Name}>k__BackingField", Declared);
            if (field is not null && !fields.Exists(known => known.Info == field) && (marked || implied.Contains(property.Name)))
            {
                fields.Add(new TravellingField(field, property.Name, property.IsDefined(typeof(ImmutableAttribute))));
            }
            else if (field is null && marked)
            {
                throw new CodecNotFoundException($"{property.Name} of {level} has an [Id] but is no auto-property: mark its field.");
            }
        }

        return fields;
    }

    /// <summary>A positional record declares a compiler-generated Deconstruct with its parameters' names.</summary>
    private static HashSet<string> PrimaryParameters(Type level) =>
        [.. level.GetMethods(Declared)
            .Where(method => method.Name == "Deconstruct" && method.IsDefined(typeof(CompilerGeneratedAttribute)))
            .SelectMany(method => method.GetParameters())
            .Select(parameter => parameter.Name!)];
}
