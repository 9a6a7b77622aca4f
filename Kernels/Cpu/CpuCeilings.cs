using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QuaRot.Kernels.Cpu.Lanes;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>What this machine can do at most, measured: the ceilings that a benchmark compares itself with.</summary>
public static unsafe class CpuCeilings
{
    private const int Rounds = 7;

    /// <summary>Bytes.</summary>
    private const int FetchAhead = 2048;

    /// <summary>Bytes per second of reading memory front to back on all threads, the best of several rounds.</summary>
    /// <param name="threads">Threads; each reads a part of its own.</param>
    /// <param name="bytes">Bytes to read; far more than the caches hold.</param>
    public static double ReadBandwidth(int threads, long bytes = 1L << 30)
    {
        using var memory = new HostMemory(bytes);
        var part = bytes / threads / 512 * 512;
        var start = memory.Pointer;

        // Written first: pages that nobody wrote are all one page of zeros, which the caches hold.
        OnAll(threads, thread => Unsafe.InitBlock(start + (thread * part), 1, (uint)part));
        return part * threads / Best(threads, thread => Read(start + (thread * part), part));
    }

    /// <summary>
    /// Operations per second (a multiplication and an addition are two) of the byte multiply-add that w4a4_gemm uses, in registers, on all
    /// threads; the best of several rounds.
    /// </summary>
    public static double Int8Peak(int threads)
    {
        const long Steps = 5_000_000;
        var seconds = Best(threads, _ => Multiply(Steps));
        return 12.0 * 64 * 2 * Steps * threads / seconds;
    }

    /// <summary>Twelve times 64 products a step, enough independent chains to hide the latency at every width.</summary>
    private static void Multiply(long steps)
    {
        if (Bytes512.IsFast)
        {
            Chains<Bytes512>(steps);
            return;
        }

        // Twice six chains of two (or four) vectors each would not fit the registers.
        for (var half = 0; half < 2; half++)
        {
            if (Bytes256.IsFast)
            {
                HalfChains<Bytes256>(steps);
            }
            else
            {
                HalfChains<Bytes128>(steps);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void HalfChains<T>(long steps)
        where T : unmanaged, IByteLanes<T>
    {
        T u = T.Zero, a = u, b = u, c = u, d = u, e = u, f = u;
        for (var i = 0L; i < steps; i++)
        {
            a = T.MultiplyAddBytes(u, a);
            b = T.MultiplyAddBytes(u, b);
            c = T.MultiplyAddBytes(u, c);
            d = T.MultiplyAddBytes(u, d);
            e = T.MultiplyAddBytes(u, e);
            f = T.MultiplyAddBytes(u, f);
        }

        Keep(T.AddShorts(T.AddShorts(T.AddShorts(a, b), T.AddShorts(c, d)), T.AddShorts(e, f)));
    }

    /// <remarks>Everything is added up before the one call: values that live across a call would leave their registers in the loop.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Chains<T>(long steps)
        where T : unmanaged, IByteLanes<T>
    {
        T u = T.Zero, a = u, b = u, c = u, d = u, e = u, f = u, g = u, h = u, i = u, j = u, k = u, l = u;
        for (var step = 0L; step < steps; step++)
        {
            a = T.MultiplyAddBytes(u, a);
            b = T.MultiplyAddBytes(u, b);
            c = T.MultiplyAddBytes(u, c);
            d = T.MultiplyAddBytes(u, d);
            e = T.MultiplyAddBytes(u, e);
            f = T.MultiplyAddBytes(u, f);
            g = T.MultiplyAddBytes(u, g);
            h = T.MultiplyAddBytes(u, h);
            i = T.MultiplyAddBytes(u, i);
            j = T.MultiplyAddBytes(u, j);
            k = T.MultiplyAddBytes(u, k);
            l = T.MultiplyAddBytes(u, l);
        }

        var firstHalf = T.AddShorts(T.AddShorts(T.AddShorts(a, b), T.AddShorts(c, d)), T.AddShorts(e, f));
        Keep(T.AddShorts(firstHalf, T.AddShorts(T.AddShorts(T.AddShorts(g, h), T.AddShorts(i, j)), T.AddShorts(k, l))));
    }

    /// <remarks>As w4a4_gemm and the head read their weights: four runs side by side, each fetched ahead. One run alone reads slower on some machines.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Read(byte* source, long bytes)
    {
        var run = bytes / 4;
        Vector512<long> a = default, b = default, c = default, d = default;
        for (var end = source + run; source < end; source += CacheLine.Bytes)
        {
            a += Line(source);
            b += Line(source + run);
            c += Line(source + (2 * run));
            d += Line(source + (3 * run));
        }

        Keep(Vector512.Sum(a + b + c + d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<long> Line(byte* source)
    {
        CacheLine.Prefetch(source + FetchAhead);
        return Vector512.Load((long*)source);
    }

    /// <summary>Stops the compiler from leaving out what was computed.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Keep<T>(T value) => _ = value;

    private static double Best(int threads, Action<int> body)
    {
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            best = Math.Min(best, OnAll(threads, body));
        }

        return best;
    }

    /// <summary>Seconds that all threads took together.</summary>
    private static double OnAll(int threads, Action<int> body)
    {
        Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(index => new Thread(() => body(index)))];
        var start = Stopwatch.GetTimestamp();
        foreach (var thread in others)
        {
            thread.Start();
        }

        body(0);
        foreach (var thread in others)
        {
            thread.Join();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
