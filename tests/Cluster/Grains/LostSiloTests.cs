using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.Sessions;

namespace QuaRot.Cluster.Tests.Grains;

/// <summary>A silo dies without a word: its sessions and shards come up on another one, and chats go on with the very same tokens.</summary>
public sealed class LostSiloTests(QuantizedLexi lexi)
{
    private const int Chats = 6;

    [Fact]
    public async Task Chats_go_on_after_their_silo_or_a_shards_silo_was_killed()
    {
        using var expectedData = new TemporaryFolder();
        await using var undisturbed = await SiloCluster.Deploy(lexi.Model, shards: 2, silos: 2, expectedData.Path);
        var expected = await TwoTurns(undisturbed, betweenTurns: () => Task.CompletedTask);

        using var data = new TemporaryFolder();
        await using var cluster = await SiloCluster.Deploy(lexi.Model, shards: 2, silos: 2, data.Path);
        var placed = await cluster.Shards();
        Assert.NotEqual(placed[0].Silo, placed[1].Silo);
        var seen = await TwoTurns(cluster, betweenTurns: () => cluster.TestCluster.KillSiloAsync(cluster.TestCluster.SecondarySilos[0]));
        for (var i = 0; i < Chats; i++)
            Assert.Equal(expected[i], seen[i]);
        var moved = await cluster.Shards();
        Assert.Equal(moved[0].Silo, moved[1].Silo);
    }

    // Sessions are placed at random over the silos, so some of them lose their silo and all lose a shard.
    private static async Task<List<int[]>> TwoTurns(SiloCluster cluster, Func<Task> betweenTurns)
    {
        ISessionGrain[] sessions = [.. Enumerable.Range(0, Chats).Select(i => cluster.Grains.GetGrain<ISessionGrain>($"{i:x32}"))];
        foreach (var session in sessions)
        {
            await session.Create("someone");
            await cluster.Ask(session, "Define \"brave\".", seed: 1);
        }

        await betweenTurns();
        var answers = new List<int[]>();
        foreach (var session in sessions)
            answers.Add(await cluster.Ask(session, "Can you use it in a sentence?", seed: 2));
        return answers;
    }
}
