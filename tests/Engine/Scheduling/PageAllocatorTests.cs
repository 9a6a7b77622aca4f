using QuaRot.Engine.Scheduling;

namespace QuaRot.Engine.Tests.Scheduling;

public sealed class PageAllocatorTests
{
    [Fact]
    public void A_page_is_given_once_until_it_is_freed()
    {
        var pages = new PageAllocator(2);
        Assert.True(pages.TryAllocate(out int a));
        Assert.True(pages.TryAllocate(out int b));
        Assert.False(pages.TryAllocate(out _));
        Assert.Equal([0, 1], new[] { a, b }.Order());
        pages.Release(a);
        Assert.True(pages.TryAllocate(out int again));
        Assert.Equal(a, again);
    }

    [Fact]
    public void Freeing_twice_and_foreign_ids_are_errors()
    {
        var pages = new PageAllocator(4);
        pages.TryAllocate(out int page);
        pages.Release(page);
        Assert.Contains($"page {page} is freed twice", Assert.Throws<InvalidOperationException>(() => pages.Release(page)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => pages.Release(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => pages.Release(-1));
        Assert.Equal(4, pages.Free);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Accounts_exactly_under_random_use(int seed)
    {
        var random = new Random(seed);
        var pages = new PageAllocator(17);
        var held = new HashSet<int>();
        for (int step = 0; step < 5000; step++)
        {
            if (random.Next(2) == 0)
            {
                bool given = pages.TryAllocate(out int page);
                Assert.True(given == held.Count < 17, $"seed {seed}, step {step}: given {given} with {held.Count} held");
                Assert.True(!given || (page >= 0 && page < 17 && held.Add(page)), $"seed {seed}, step {step}: page {page} is held already");
            }
            else if (held.Count > 0)
            {
                int page = held.ElementAt(random.Next(held.Count));
                held.Remove(page);
                pages.Release(page);
            }

            Assert.True(pages.Used == held.Count && pages.Free == 17 - held.Count, $"seed {seed}, step {step}");
        }
    }
}
