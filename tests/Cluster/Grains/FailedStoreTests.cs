using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts;
using QuaRot.Contracts.Sessions;

namespace QuaRot.Cluster.Tests.Grains;

/// <summary>What could not be stored did not happen: a turn that hits a full disk leaves the session as it was.</summary>
public sealed class FailedStoreTests(QuantizedLexi lexi)
{
    [Fact]
    public async Task A_turn_that_cannot_be_stored_leaves_no_trace_and_the_chat_goes_on()
    {
        await using var cluster = await SiloCluster.Deploy(lexi.Model, shards: 1, silos: 1, data: SiloCluster.Faulty);
        var session = cluster.Grains.GetGrain<ISessionGrain>(new string('f', 32));
        await session.Create("someone");
        await cluster.Ask(session, "Define \"brave\".", seed: 1);
        var before = await session.Read(SiloCluster.Owner);

        FaultyStorage.IsFull = true;
        for (var i = 0; i < 3; i++)
        {
            var error = await Assert.ThrowsAsync<RequestRejectedException>(() => cluster.Ask(session, "Can you use it in a sentence?", seed: 2));
            Assert.Equal((RejectionReason.Unavailable, "the session store failed: disk is full"), (error.Reason, error.Message));
        }

        FaultyStorage.IsFull = false;
        var after = await session.Read(SiloCluster.Owner);
        Assert.Equal(before!.Summary with { LastUsedAt = default }, after!.Summary with { LastUsedAt = default });
        Assert.Equal(before.Messages, after.Messages);
        Assert.NotEmpty(await cluster.Ask(session, "Can you use it in a sentence?", seed: 2));
        Assert.Equal(4, (await session.Read(SiloCluster.Owner))!.Messages.Length);
    }
}
