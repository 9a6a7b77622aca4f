using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class StressTests(ClusterFixture fixture)
{
    [Fact]
    public async Task NoCallIsLostAndNoGrainIsActiveTwice()
    {
        const int Callers = 8, CallsEach = 2500, Grains = 40, Seed = 4242;
        int refused = 0;

        // Grains that leave all the time: a call that chases one too long may be refused, then it has not run.
        async Task Call(string grain, bool leave)
        {
            try
            {
                await fixture.Grains.GetGrain<IStressGrain>(grain).Call(leave);
            }
            catch (OrleansMessageRejectionException)
            {
                Interlocked.Increment(ref refused);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(Seed + caller);
            List<Task> calls = [];
            for (int i = 0; i < CallsEach; i++)
            {
                calls.Add(Call($"{random.Next(Grains)}", leave: random.Next(20) == 0));
                if (i % 50 == 0)
                {
                    await Task.WhenAll(calls);
                }
            }

            await Task.WhenAll(calls);
        }))).Soon();
        Assert.Empty(StressGrain.Faults);
        Assert.Equal(Callers * CallsEach, StressGrain.Calls + refused);
        Assert.InRange(refused, 0, Callers * CallsEach / 10);
    }
}
