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

    // One-shot sessions are placed at random: those on the killed silo are lost with their callers, the others lose a shard in mid-answer.
    [Fact]
    public async Task Answers_under_way_go_on_with_the_same_tokens_when_a_shards_silo_is_killed()
    {
        const int Answers = 16, Tokens = 120;
        await using var undisturbed = await SiloCluster.Deploy(lexi.Model, shards: 2, silos: 1);
        var expected = await Task.WhenAll(Enumerable.Range(0, Answers).Select(i => undisturbed.Generate("The sea", (ulong)i, Tokens)));

        await using var cluster = await SiloCluster.Deploy(lexi.Model, shards: 2, silos: 2);
        await cluster.Shards();
        using var started = new CountdownEvent(Answers);
        var answers = Enumerable.Range(0, Answers).Select(i => cluster.Generate("The sea", (ulong)i, Tokens, () => started.Signal())).ToArray();
        await Task.Run(() => started.Wait(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        Assert.All(answers, a => Assert.False(a.IsCompleted, "the silo must be killed in mid-answer"));
        await cluster.TestCluster.KillSiloAsync(cluster.TestCluster.SecondarySilos[0]);

        var survivors = 0;
        for (var i = 0; i < Answers; i++)
        {
            await ((Task)answers[i]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (!answers[i].IsCompletedSuccessfully)
                continue;
            Assert.Equal(expected[i], await answers[i]);
            survivors++;
        }

        Assert.True(survivors > 0, "no session was on the surviving silo");
    }

    // Sessions are placed at random over the silos, so some of them lose their silo and all lose a shard.
    private static async Task<List<int[]>> TwoTurns(SiloCluster cluster, Func<Task> betweenTurns)
    {
        ISessionGrain[] sessions = [.. Enumerable.Range(0, Chats).Select(i => cluster.Grains.GetGrain<ISessionGrain>($"{i:x32}"))];
        foreach (var session in sessions)
        {
            await session.Create(SiloCluster.Owner);
            await cluster.Ask(session, "Define \"brave\".", seed: 1);
        }

        await betweenTurns();
        var answers = new List<int[]>();
        foreach (var session in sessions)
            answers.Add(await cluster.Ask(session, "Can you use it in a sentence?", seed: 2));
        return answers;
    }
}
