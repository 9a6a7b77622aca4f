using System.Runtime.InteropServices;

namespace Orleans.Serialization;

/// <summary>Base of the copiers of collections with one element type.</summary>
internal abstract class ElementsCopier<TCollection, TElement> : Copier<TCollection>
{
    protected Copier<TElement> Element { get; private set; } = null!;

    protected override void Resolve() => Element = For<TElement>($"elements of {typeof(TCollection)}");

    protected void CopyInPlace(Span<TElement> elements, CopyContext context)
    {
        if (Element.IsShared)
        {
            return;
        }

        foreach (ref TElement element in elements)
        {
            element = Element.Copy(element, context);
        }
    }
}

internal sealed class ArrayCopier<T> : ElementsCopier<T[], T>
{
    public override T[] Copy(T[] value, CopyContext context)
    {
        if (value is null || context.TryGet(ref value))
        {
            return value!;
        }

        T[] copy = context.Add(value, (T[])value.Clone());
        CopyInPlace(copy, context);
        return copy;
    }
}

internal sealed class ListCopier<T> : ElementsCopier<List<T>, T>
{
    public override List<T> Copy(List<T> value, CopyContext context)
    {
        if (value is null || context.TryGet(ref value))
        {
            return value!;
        }

        List<T> copy = context.Add(value, new List<T>(value));
        CopyInPlace(CollectionsMarshal.AsSpan(copy), context);
        return copy;
    }
}

internal sealed class DictionaryCopier<TKey, TValue> : Copier<Dictionary<TKey, TValue>>
    where TKey : notnull
{
    private Copier<TKey> _key = null!;
    private Copier<TValue> _value = null!;

    public override Dictionary<TKey, TValue> Copy(Dictionary<TKey, TValue> value, CopyContext context)
    {
        if (value is null || context.TryGet(ref value))
        {
            return value!;
        }

        var copy = context.Add(value, new Dictionary<TKey, TValue>(value.Count, value.Comparer));
        foreach (var (key, element) in value)
        {
            copy.Add(_key.Copy(key, context), _value.Copy(element, context));
        }

        return copy;
    }

    protected override void Resolve()
    {
        _key = For<TKey>($"keys of {typeof(Dictionary<TKey, TValue>)}");
        _value = For<TValue>($"values of {typeof(Dictionary<TKey, TValue>)}");
    }
}
