using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class StreamTests(ClusterFixture fixture)
{
    private readonly string _key = Guid.NewGuid().ToString();

    private IStreamGrain Grain => fixture.Grains.GetGrain<IStreamGrain>(_key);

    [Theory]
    [InlineData(0, 100)]
    [InlineData(1, 100)]
    [InlineData(250, 100)]
    [InlineData(250, 1)]
    public async Task AllElementsArriveInOrder(int count, int batch)
    {
        List<int> got = [];
        await foreach (int element in Grain.Count(count, -1).WithBatchSize(batch))
        {
            got.Add(element);
        }

        Assert.Equal(Enumerable.Range(0, count), got);
    }

    [Fact]
    public async Task ElementsArriveBeforeTheStreamEndsAndOtherCallsRunMeanwhile()
    {
        await using IAsyncEnumerator<int> reader = Grain.Count(3, pauseAfter: 2).GetAsyncEnumerator();
        Assert.True(await reader.MoveNextAsync());
        Assert.True(await reader.MoveNextAsync());
        Task<bool> third = reader.MoveNextAsync().AsTask();
        await Signals.Wait($"{_key} paused");
        await Grain.Plain().Soon();
        Assert.False(third.IsCompleted);
        Signals.Set($"{_key} go");
        Assert.True(await third.Soon());
        Assert.Equal(2, reader.Current);
        Assert.False(await reader.MoveNextAsync());
    }

    [Fact]
    public async Task EachElementIsACopy()
    {
        List<int> sizes = [];
        await foreach (Basket basket in Grain.SameBasket(3).WithBatchSize(1))
        {
            sizes.Add(basket.Items.Count);
            basket.Items.Clear();
        }

        Assert.Equal([1, 2, 3], sizes);
    }

    [Fact]
    public async Task AnErrorComesAfterTheElementsBeforeIt()
    {
        List<int> got = [];
        var error = await Assert.ThrowsAsync<PriceException>(async () =>
        {
            await foreach (int element in Grain.Break(after: 3))
            {
                got.Add(element);
            }
        });
        Assert.Equal(("broken", 3), (error.Message, error.Price));
        Assert.Equal([0, 1, 2], got);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CancellationReachesTheGrain(bool asArgument)
    {
        using var source = new CancellationTokenSource();
        IAsyncEnumerable<int> stream = asArgument ? Grain.Count(3, 1, source.Token) : Grain.Count(3, 1);
        await using IAsyncEnumerator<int> reader = stream.GetAsyncEnumerator(asArgument ? default : source.Token);
        Assert.True(await reader.MoveNextAsync());
        Task<bool> second = reader.MoveNextAsync().AsTask();
        await Signals.Wait($"{_key} paused");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.Soon());
        Assert.Equal("cancelled", await Signals.Wait($"{_key} ended"));
    }

    [Fact]
    public async Task ACallerThatStopsEarlyEndsTheGrainsIterator()
    {
        await foreach (int element in Grain.Count(1000, pauseAfter: 1))
        {
            Assert.Equal(0, element);
            break;
        }

        await Signals.Wait($"{_key} ended");
    }

    [Fact]
    public async Task DeactivationAbortsAnEnumeration()
    {
        await using IAsyncEnumerator<int> reader = Grain.Count(3, pauseAfter: 1).GetAsyncEnumerator();
        Assert.True(await reader.MoveNextAsync());
        await Grain.Leave();
        await Signals.Wait($"{_key} gone");
        await Assert.ThrowsAsync<EnumerationAbortedException>(() => reader.MoveNextAsync().AsTask().Soon());
    }

    [Fact]
    public async Task DeactivationDoesNotWaitForAPausedStream()
    {
        await using IAsyncEnumerator<int> reader = Grain.Count(3, pauseAfter: 1).GetAsyncEnumerator();
        Assert.True(await reader.MoveNextAsync());
        Task<bool> second = reader.MoveNextAsync().AsTask();
        await Signals.Wait($"{_key} paused");
        await Grain.Leave();
        await Assert.ThrowsAsync<EnumerationAbortedException>(() => second.Soon());
    }
}
