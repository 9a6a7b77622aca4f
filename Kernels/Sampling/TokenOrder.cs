namespace QuaRot.Kernels.Sampling;

/// <summary>
/// The one order of tokens in sampling: logit descending, then id ascending. It is total, so no choice ever depends on an algorithm.
/// </summary>
internal static class TokenOrder
{
    /// <summary>True when token <paramref name="a"/> comes before token <paramref name="b"/>.</summary>
    public static bool Precedes(ReadOnlySpan<float> logits, int a, int b)
    {
        return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
    }

    /// <summary>The first token.</summary>
    public static int First(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int id = 1; id < logits.Length; id++)
        {
            if (logits[id] > logits[best])
            {
                best = id;
            }
        }

        return best;
    }

    /// <summary>
    /// The first <paramref name="k"/> tokens in order, in O(vocab·log k): a heap of the best so far with its last one on top.
    /// </summary>
    public static int[] FirstOf(ReadOnlySpan<float> logits, int k)
    {
        int[] heap = new int[Math.Min(k, logits.Length)];
        for (int id = 0; id < heap.Length; id++)
        {
            heap[id] = id;
        }

        if (heap.Length == 0)
        {
            return heap;
        }

        Heapify(logits, heap, lastOnTop: true);
        for (int id = heap.Length; id < logits.Length; id++)
        {
            // Ids ascend, so an equal logit never displaces what is there.
            if (logits[id] > logits[heap[0]])
            {
                heap[0] = id;
                SiftDown(logits, heap, 0, lastOnTop: true);
            }
        }

        for (int end = heap.Length - 1; end > 0; end--)
        {
            (heap[0], heap[end]) = (heap[end], heap[0]);
            SiftDown(logits, heap.AsSpan(0, end), 0, lastOnTop: true);
        }

        return heap;
    }

    /// <summary>Makes a heap of <paramref name="ids"/> with the last (or the first) of the order on top, in O(n).</summary>
    public static void Heapify(ReadOnlySpan<float> logits, Span<int> ids, bool lastOnTop)
    {
        for (int i = (ids.Length / 2) - 1; i >= 0; i--)
        {
            SiftDown(logits, ids, i, lastOnTop);
        }
    }

    /// <summary>Restores the heap after the entry at <paramref name="i"/> was replaced.</summary>
    public static void SiftDown(ReadOnlySpan<float> logits, Span<int> heap, int i, bool lastOnTop)
    {
        while (true)
        {
            int child = (2 * i) + 1;
            if (child >= heap.Length)
            {
                return;
            }

            if (child + 1 < heap.Length && Precedes(logits, heap[child + 1], heap[child]) != lastOnTop)
            {
                child++;
            }

            if (Precedes(logits, heap[child], heap[i]) == lastOnTop)
            {
                return;
            }

            (heap[i], heap[child]) = (heap[child], heap[i]);
            i = child;
        }
    }
}
