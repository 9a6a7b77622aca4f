using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>Sessions outlive the process, in the SQLite file of the data folder.</summary>
public sealed class RestartTests(QuantizedLexi lexi)
{
    [Fact]
    public async Task A_chat_goes_on_after_a_restart_with_the_very_same_tokens()
    {
        var sampling = new SamplingParameters { Temperature = 0.8f, Seed = 11, MaxTokens = 40 };
        int[] uninterrupted;
        await using (var cluster = await ServedCluster.Start(lexi.Model))
        {
            var session = await cluster.Client.NewSession();
            await cluster.Client.Ask(session, "Define \"brave\".");
            uninterrupted = (await cluster.Client.Ask(session, "Can you use it in a sentence?", sampling)).Ids;
        }

        using var data = new TemporaryFolder();
        string id;
        SessionTranscript before;
        await using (var cluster = await ServedCluster.Start(lexi.Model, data: data.Path))
        {
            id = await cluster.Client.NewSession();
            await cluster.Client.Ask(id, "Define \"brave\".");
            before = await cluster.Client.GetSessionAsync(new GetSessionRequest { SessionId = id });
        }

        await using (var cluster = await ServedCluster.Start(lexi.Model, shards: 3, data: data.Path))
        {
            Assert.Equal(before, await cluster.Client.GetSessionAsync(new GetSessionRequest { SessionId = id }));
            Assert.Equal(id, Assert.Single((await cluster.Client.ListSessionsAsync(new ListSessionsRequest())).Sessions).SessionId);
            Assert.Equal(uninterrupted, (await cluster.Client.Ask(id, "Can you use it in a sentence?", sampling)).Ids);
        }
    }
}
