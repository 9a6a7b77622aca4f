using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Foreign;

// Many calls, slow ones, idle ones, and connections that end or that not everybody may open.
public abstract partial class ForeignClientTests
{
    [Fact]
    public async Task A_hundred_streams_at_once_give_what_each_gives_alone()
    {
        var seen = await Run("concurrent");
        Assert.Equal([Ok], Ints(seen, "codes"));
        var alone = Texts(seen, "alone");
        Assert.Equal(alone.Length, alone.Distinct().Count());
        Assert.Equal(Enumerable.Repeat(alone, 20).SelectMany(a => a), Texts(seen, "together"));
    }

    [Fact]
    public async Task A_full_queue_says_in_its_trailers_when_to_come_again()
    {
        await using var cluster = await ServedCluster.Start(lexi.Model);
        var seen = await client.Run(cluster.Address, "full", "540");
        var wait = Text(seen.GetProperty("trailers"), "grpc-retry-pushback-ms");
        AssertStatus(ResourceExhausted, $"256 bursts wait already, which is the limit; try again in {wait} ms.", seen);
    }

    [Fact]
    public async Task A_slow_reader_holds_the_server_up_and_loses_nothing()
    {
        const int KvTokens = 4096;
        await using var cluster = await ServedCluster.Start(lexi.Model, kvTokens: KvTokens);
        var seen = await client.Run(cluster.Address, "slow");
        var tokens = Ints(seen, "ids").Length;
        Assert.Equal((Ok, tokens), (Code(seen), Int(seen, "completion")));

        // The share of the cache that the answer held while nobody read: nothing would mean that it had come to its end.
        Assert.InRange(seen.GetProperty("stalled").GetDouble() * KvTokens, 1, 0.9 * tokens);
    }

    [Fact]
    public async Task Keep_alive_pings_are_answered_on_an_idle_stream()
    {
        using var run = await client.Start(served.Address, "keepalive", client.PingTracer);
        await run.Until("idle");
        await run.UntilLogged(client.PingAnswered, count: 4);
        await run.GoOn();
        var seen = await run.Result();
        Assert.True(seen.GetProperty("alive").GetBoolean());
        Assert.Equal([1], Ints(seen, "statuses"));
        Assert.Equal(HelloWorld, Ints(seen.GetProperty("answered"), "ids"));
    }

    [Fact]
    public async Task A_shutdown_ends_streams_in_good_order_and_the_channel_finds_the_next_server()
    {
        await using var cluster = await ServedCluster.Start(lexi.Model);
        using var run = await client.Start(cluster.Address, "shutdown", client.TransportTracer);
        await run.Until("streaming");
        await cluster.DisposeAsync();
        await run.Until("ended");
        await run.GoOn();
        await run.Until("down");
        await using var next = await ServedCluster.Start(lexi.Model, configure: o => o with { Port = cluster.Address.Port });
        await run.GoOn();
        var seen = await run.Result();
        AssertStatus(Unavailable, "The server is shutting down; a session keeps what was streamed.", seen.GetProperty("stream"));
        Assert.Equal([1, 2], Ints(seen, "statuses"));
        Assert.Equal(Ok, Code(seen.GetProperty("watch")));
        Assert.Equal(Unavailable, Code(seen.GetProperty("down")));
        Assert.Equal(HelloWorld, Ints(seen.GetProperty("up"), "ids"));
        if (client.GivenUp is { } pattern)
            Assert.Matches(pattern, await run.Log());
    }

    [Fact]
    public async Task Tls_keys_and_whose_sessions_are_whose()
    {
        const string Alice = "alice-0123456789abcdef", Bob = "bob-0123456789abcdef";
        const string NoKey = "authorization: this server wants an API key: send 'authorization: Bearer KEY'";
        using var folder = new TemporaryFolder();
        var (tls, stranger) = (new TestCertificate(folder, "good"), new TestCertificate(folder, "stranger"));
        await File.WriteAllTextAsync(folder["keys"], $"alice:{Alice}\nbob:{Bob}\n", TestContext.Current.CancellationToken);
        await using var cluster = await ServedCluster.Start(
            lexi.Model, configure: o => o with { Tls = (tls.Cert, tls.Key), ApiKeys = folder["keys"] });
        var seen = await client.Run(cluster.Address, "guarded", tls.Authority, stranger.Authority, Alice, Bob);

        Assert.Equal((Unavailable, Unavailable), (Code(seen.GetProperty("stranger")), Code(seen.GetProperty("plain"))));
        foreach (var call in new[] { "no_key", "no_key_stream", "no_key_duplex" })
            AssertStatus(Unauthenticated, NoKey, seen.GetProperty(call));
        AssertStatus(Unauthenticated, "authorization: the API key is not known here", seen.GetProperty("wrong_key"));
        Assert.Equal((Ok, Ok), (Code(seen.GetProperty("health")), Code(seen.GetProperty("own"))));
        Assert.Equal((Ok, 8), (Code(seen.GetProperty("stream")), Ints(seen.GetProperty("stream"), "ids").Length));
        Assert.Equal(NotFound, Code(seen.GetProperty("others")));
        Assert.Equal((1, 0), (Int(seen, "call_credentials"), Int(seen, "others_list")));
    }
}
