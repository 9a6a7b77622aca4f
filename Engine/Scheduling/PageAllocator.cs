namespace QuaRot.Engine.Scheduling;

/// <summary>Hands out the KV pages 0 to count - 1 of a replica; the ids are the same on every stage.</summary>
/// <remarks>Not thread-safe. The page freed last is handed out first, so that few pages are ever touched under light load.</remarks>
public sealed class PageAllocator
{
    private readonly Stack<int> _free;
    private readonly bool[] _used;

    /// <summary>Makes all <paramref name="pageCount"/> pages free.</summary>
    public PageAllocator(int pageCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pageCount);
        _used = new bool[pageCount];
        _free = new Stack<int>(Enumerable.Range(0, pageCount).Reverse());
    }

    /// <summary>Number of pages.</summary>
    public int Total => _used.Length;

    /// <summary>Pages that nobody holds.</summary>
    public int Free => _free.Count;

    /// <summary>Pages that are held.</summary>
    public int Used => Total - Free;

    /// <summary>Takes a free page; false when there is none.</summary>
    public bool TryAllocate(out int page)
    {
        if (!_free.TryPop(out page))
        {
            return false;
        }

        _used[page] = true;
        return true;
    }

    /// <summary>Gives a page back.</summary>
    /// <exception cref="InvalidOperationException">The page is free already: two sequences believed that they held it.</exception>
    public void Release(int page)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(page);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, Total);
        if (!_used[page])
        {
            throw new InvalidOperationException($"KV page {page} is freed twice.");
        }

        _used[page] = false;
        _free.Push(page);
    }
}
