using System.Globalization;

namespace QuaRot.Fuzz.Tests;

/// <summary>
/// Runs the cases of one target. A case is made from (FUZZ_SEED, its number) alone, so the number in a failure brings it back. FUZZ_CASES is the
/// number of cases of each target; `make fuzz` asks for many.
/// </summary>
internal static class FuzzRun
{
    // Far above what any of the small files here may cost, far below what a length taken from a damaged file could ask for.
    private const long MaxAllocatedBytes = 256L << 20;
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(60);

    public static int Seed { get; } = Setting("FUZZ_SEED", 1);

    public static int Cases { get; } = Setting("FUZZ_CASES", 1_000);

    /// <summary>Feeds <paramref name="cases"/> mutated inputs to <paramref name="target"/>, which throws only what is a defect.</summary>
    public static void Run(string name, int cases, Func<Random, byte[]> make, Action<byte[]> target)
    {
        byte[] current = [];
        var number = 0;
        var done = new ManualResetEventSlim();
        Exception? failure = null;

        // A thread of its own with a small stack: a recursion without bound shows, and a case that hangs can be reported while it does.
        var thread = new Thread(
            () =>
            {
                try
                {
                    for (; Volatile.Read(ref number) < cases; Interlocked.Increment(ref number))
                    {
                        current = make(new Random(unchecked((Seed * 1_000_003) + number)));
                        Bounded(current, target);
                    }
                }
                catch (Exception e)
                {
                    // Reported on the test's own thread, with the case that did it.
                    failure = e;
                }

                done.Set();
            },
            maxStackSize: 512 << 10)
        { IsBackground = true };
        thread.Start();

        var last = -1;
        while (!done.Wait(s_hang))
        {
            var now = Volatile.Read(ref number);
            if (now == last)
                Assert.Fail($"{name}: case {now} of seed {Seed} has run for {s_hang.TotalSeconds} s. {Describe(name, current)}");
            last = now;
        }

        if (failure is not null)
            Assert.Fail($"{name}: case {number} of seed {Seed}: {failure}\n{Describe(name, current)}");
    }

    /// <summary>Runs one input and fails if it takes memory without bound.</summary>
    public static void Bounded(byte[] input, Action<byte[]> target)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        target(input);
        var taken = GC.GetAllocatedBytesForCurrentThread() - before;
        if (taken > MaxAllocatedBytes)
            throw new InvalidOperationException($"an input of {input.Length} bytes took {taken} bytes of memory");
    }

    private static string Describe(string name, byte[] input)
    {
        var file = Path.Combine(AppContext.BaseDirectory, $"failed-{name}.bin");
        File.WriteAllBytes(file, input);
        return $"The input is in {file}; once mended, keep it under tests/Fuzz/Regressions/{name}/.";
    }

    private static int Setting(string name, int fallback) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : fallback;
}
