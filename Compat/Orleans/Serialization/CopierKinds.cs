using Orleans.Runtime;

namespace Orleans.Serialization;

/// <summary>Which kind of copier a type has.</summary>
internal static class CopierKinds
{
    private static readonly HashSet<Type> s_values =
    [
        typeof(string), typeof(decimal), typeof(Half), typeof(Guid), typeof(DateTime), typeof(DateTimeOffset), typeof(TimeSpan),
        typeof(Uri), typeof(GrainId), typeof(SiloAddress), typeof(CancellationToken),
    ];

    private static readonly Dictionary<Type, Type> s_generics = new()
    {
        [typeof(Nullable<>)] = typeof(NullableCopier<>),
        [typeof(List<>)] = typeof(ListCopier<>),
        [typeof(Dictionary<,>)] = typeof(DictionaryCopier<,>),
    };

    /// <returns>Null where the type cannot travel.</returns>
    public static Copier? Create(Type type)
    {
        if (type.IsPrimitive || type.IsEnum || s_values.Contains(type))
        {
            return Make(typeof(SharedCopier<>), type);
        }

        if (typeof(IAddressable).IsAssignableFrom(type))
        {
            return type.IsInterface || typeof(GrainReference).IsAssignableFrom(type) ? Make(typeof(ReferenceCopier<>), type) : null;
        }

        if (type.IsInterface || type == typeof(object))
        {
            return Make(typeof(RuntimeTypeCopier<>), type);
        }

        if (type.IsArray)
        {
            return type.IsSZArray ? Make(typeof(ArrayCopier<>), type.GetElementType()!) : null;
        }

        if (typeof(Exception).IsAssignableFrom(type))
        {
            return Make(typeof(ExceptionCopier<>), type);
        }

        if (type.IsGenericType && s_generics.TryGetValue(type.GetGenericTypeDefinition(), out Type? copier))
        {
            return Make(copier, type.GetGenericArguments());
        }

        bool generated = type.IsDefined(typeof(GenerateSerializerAttribute), false) || IsTuple(type);
        return generated ? Make(typeof(MemberwiseCopier<>), type) : null;
    }

    /// <summary>Framework types that are copied member by member without any attribute.</summary>
    public static bool IsTuple(Type type) => type.IsGenericType && type.Assembly == typeof(object).Assembly
        && (type.GetGenericTypeDefinition() == typeof(KeyValuePair<,>)
            || type.IsAssignableTo(typeof(System.Runtime.CompilerServices.ITuple)));

    private static Copier Make(Type definition, params Type[] arguments) =>
        (Copier)Activator.CreateInstance(definition.MakeGenericType(arguments))!;
}
