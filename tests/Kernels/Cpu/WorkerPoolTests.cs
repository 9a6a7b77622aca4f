using QuaRot.Kernels.Cpu;
using Xunit;

namespace QuaRot.Kernels.Tests.Cpu;

public class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Every_item_runs_once(int threads)
    {
        using var pool = new WorkerPool(threads);
        foreach (var count in (int[])[0, 1, 2, 1000])
        {
            var runs = new int[count];
            for (var round = 0; round < 200; round++)
            {
                pool.Run(count, parallel: round % 2 == 0, new Items((item, worker) =>
                {
                    Assert.InRange(worker, 0, threads - 1);
                    Interlocked.Increment(ref runs[item]);
                }));
            }

            Assert.All(runs, times => Assert.Equal(200, times));
        }
    }

    [Fact]
    public void A_failing_item_is_reported_and_the_pool_goes_on()
    {
        using var pool = new WorkerPool(3);
        var others = 0;
        var error = Assert.Throws<InvalidOperationException>(() => pool.Run(50, parallel: true, new Items((item, _) =>
        {
            if (item == 20)
            {
                throw new InvalidOperationException("item 20");
            }

            Interlocked.Increment(ref others);
        })));
        Assert.Equal("item 20", error.Message);
        Assert.Equal(49, others);
        pool.Run(10, parallel: true, new Items((_, _) => Interlocked.Increment(ref others)));
        Assert.Equal(59, others);
    }

    [Fact]
    public void Callers_on_several_threads_take_turns()
    {
        using var pool = new WorkerPool(2);
        var running = 0;
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            var mine = new int[20];
            pool.Run(20, parallel: true, new Items((item, worker) =>
            {
                Assert.InRange(Interlocked.Increment(ref running), 1, pool.Count);
                mine[item]++;
                Interlocked.Decrement(ref running);
            }));
            Assert.All(mine, times => Assert.Equal(1, times));
        });
    }

    private readonly struct Items(Action<int, int> body) : IWork
    {
        public void Run(int item, int worker) => body(item, worker);
    }
}
