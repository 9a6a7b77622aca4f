using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Grains;

/// <summary>The same prompt and seed give the same tokens, however the cluster is cut and whatever else it does.</summary>
public sealed class SameTokensTests(QuantizedLexi lexi)
{
    private static readonly string[] Prompts =
    [
        "The Linux kernel is", "A database is a collection of", "In the beginning", "My fellow citizens, the state of our Union is",
        "Water", "He said that", "1 2 3 4 5", "To be or not to be",
    ];

    [Theory]
    [InlineData(1, 1)]
    [InlineData(6, 1)]
    [InlineData(2, 2)]
    [InlineData(6, 2)]
    public async Task Alone_among_eight_with_any_shards_and_silos(int shards, int silos)
    {
        await using var reference = await SiloCluster.Deploy(lexi.Model, shards: 2, silos: 1);
        await using var cluster = await SiloCluster.Deploy(lexi.Model, shards, silos);
        var alone = new List<int[]>();
        for (var i = 0; i < Prompts.Length; i++)
            alone.Add(await reference.Generate(Prompts[i], seed: (ulong)i));

        var together = await Task.WhenAll(Prompts.Select((prompt, i) => cluster.Generate(prompt, seed: (ulong)i)));
        for (var i = 0; i < Prompts.Length; i++)
            Assert.Equal(alone[i], together[i]);
        var report = await cluster.Batches();
        Assert.True(report.TokensDecoded > report.Batches, $"eight chats at once must share batches: {report}");
    }

    [Fact]
    public async Task With_two_silos_each_holds_a_shard()
    {
        await using var cluster = await SiloCluster.Deploy(lexi.Model, shards: 2, silos: 2);
        var shards = await cluster.Shards();
        Assert.NotEqual(shards[0].Silo, shards[1].Silo);
    }
}
