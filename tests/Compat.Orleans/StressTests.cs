using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class StressTests(ClusterFixture fixture)
{
    [Fact]
    public async Task NoCallIsLostAndNoGrainIsActiveTwice()
    {
        const int Callers = 8, CallsEach = 2500, Grains = 40, Seed = 4242;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(Seed + caller);
            List<Task> calls = [];
            for (int i = 0; i < CallsEach; i++)
            {
                calls.Add(fixture.Grains.GetGrain<IStressGrain>($"{random.Next(Grains)}").Call(leave: random.Next(20) == 0));
                if (i % 50 == 0)
                {
                    await Task.WhenAll(calls);
                }
            }

            await Task.WhenAll(calls);
        }))).Soon();
        Assert.Empty(StressGrain.Faults);
        Assert.Equal(Callers * CallsEach, StressGrain.Calls);
    }
}
