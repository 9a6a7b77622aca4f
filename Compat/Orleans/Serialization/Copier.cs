using System.Collections.Concurrent;

namespace Orleans.Serialization;

/// <summary>Copies values of one static type, so that caller and callee never share an object that either may change.</summary>
internal abstract class Copier
{
    private static readonly ConcurrentDictionary<Type, Copier> s_known = new();
    private static readonly Lock s_building = new();
    private static Dictionary<Type, Copier>? s_unfinished;

    /// <summary>Values are immutable all the way down: the copy is the value itself.</summary>
    public bool IsShared { get; protected set; }

    public abstract object? CopyObject(object? value, CopyContext context);

    /// <summary>Finds the copiers of other types. Not part of construction, because types refer to one another in circles.</summary>
    protected virtual void Resolve()
    {
    }

    /// <exception cref="CodecNotFoundException">The type cannot travel; the message says where it was met.</exception>
    /// <param name="type">The static type.</param>
    /// <param name="where">Where it stands: a parameter or member.</param>
    public static Copier For(Type type, string where)
    {
        if (s_known.TryGetValue(type, out Copier? known))
        {
            return known;
        }

        lock (s_building)
        {
            if (s_unfinished is not null)
            {
                return Build(type, where);
            }

            s_unfinished = [];
            try
            {
                Copier built = Build(type, where);
                foreach (var (builtType, copier) in s_unfinished)
                {
                    s_known[builtType] = copier;
                }

                return built;
            }
            finally
            {
                s_unfinished = null;
            }
        }
    }

    public static Copier<T> For<T>(string where) => (Copier<T>)For(typeof(T), where);

    /// <summary>Copies a value of which only the runtime type is known.</summary>
    public static object? DeepCopy(object? value) =>
        value is null ? null : For(value.GetType(), "value").CopyObject(value, new CopyContext());

    private static Copier Build(Type type, string where)
    {
        if (s_known.TryGetValue(type, out Copier? copier) || s_unfinished!.TryGetValue(type, out copier))
        {
            return copier;
        }

        copier = CopierKinds.Create(type) ?? throw new CodecNotFoundException(
            $"Could not find a copier for type {type} ({where}). Is it missing [GenerateSerializer]?");
        s_unfinished.Add(type, copier);
        copier.Resolve();
        return copier;
    }
}

/// <inheritdoc/>
internal abstract class Copier<T> : Copier
{
    public abstract T Copy(T value, CopyContext context);

    public sealed override object? CopyObject(object? value, CopyContext context) => value is null ? null : Copy((T)value, context);
}

/// <summary>The objects copied so far in one argument list or result: an object met twice is copied once.</summary>
internal sealed class CopyContext
{
    private Dictionary<object, object>? _copies;

    /// <summary>Replaces an object met before by its copy.</summary>
    public bool TryGet<T>(ref T value)
        where T : class
    {
        if (_copies is null || !_copies.TryGetValue(value, out object? copy))
        {
            return false;
        }

        value = (T)copy;
        return true;
    }

    public TCopy Add<TCopy>(object original, TCopy copy)
        where TCopy : notnull
    {
        (_copies ??= new(ReferenceEqualityComparer.Instance))[original] = copy;
        return copy;
    }
}
