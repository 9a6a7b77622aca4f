using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Headers and trailers, and the context that the method sees.</summary>
public sealed class MetadataTests
{
    [Fact]
    public void Keys_are_lower_case_and_the_last_of_equal_keys_wins()
    {
        var metadata = new Metadata { { "Key", "1" }, { "KEY", "2" } };

        Assert.Equal("key", metadata[0].Key);
        Assert.Equal("2", metadata.GetValue("kEy"));
        Assert.Equal(["1", "2"], metadata.GetAll("key").Select(e => e.Value));
        Assert.Null(metadata.Get("other"));
    }

    [Fact]
    public void Keys_must_be_valid_and_agree_with_their_values()
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("with space", "x"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("text-bin", "x"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("bytes", [1]));
        Assert.Throws<InvalidOperationException>(() => new Metadata.Entry("bytes-bin", [1]).Value);
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("key", "value"));
    }

    [Fact]
    public void Binary_values_are_copied_in_and_out()
    {
        byte[] bytes = [1, 2];
        var entry = new Metadata.Entry("key-bin", bytes);
        bytes[0] = 9;
        entry.ValueBytes[1] = 9;

        Assert.Equal([1, 2], entry.ValueBytes);
        Assert.True(entry.IsBinary);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Request_headers_reach_the_method()
    {
        var seen = new TaskCompletionSource<Metadata>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (note, context) =>
            {
                seen.SetResult(context.RequestHeaders);
                return Task.FromResult(note);
            },
        });

        byte[] all = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        await server.Client.AskAsync(
            new Note(), new Metadata { { "authorization", "Bearer key" }, { "all-bin", all }, { "empty-bin", [] } });
        var headers = await seen.Task;

        Assert.Equal("Bearer key", headers.GetValue("authorization"));
        Assert.Equal(all, headers.GetValueBytes("all-bin")!);
        Assert.Equal([], headers.GetValueBytes("empty-bin")!);
        Assert.Null(headers.Get("content-type"));
        Assert.Null(headers.Get("grpc-accept-encoding"));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Response_headers_arrive_before_the_first_message_and_only_once()
    {
        var headersSeen = new TaskCompletionSource();
        var second = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, context) =>
            {
                await context.WriteResponseHeadersAsync(new Metadata { { "session", "7" }, { "id-bin", [3] } });
                second.SetResult(await Record.ExceptionAsync(() => context.WriteResponseHeadersAsync([])));
                await headersSeen.Task;
                await responses.WriteAsync(new Note());
            },
        });
        using var call = server.Client.Listen(new Note());

        var headers = await call.ResponseHeadersAsync;
        headersSeen.SetResult();

        Assert.Equal("7", headers.GetValue("session"));
        Assert.Equal([3], headers.GetValueBytes("id-bin")!);
        Assert.IsType<InvalidOperationException>(await second.Task);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Trailers_of_a_successful_call_arrive()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (note, context) =>
            {
                context.ResponseTrailers.Add("tokens", "12");
                return Task.FromResult(note);
            },
        });
        using var call = server.Client.AskAsync(new Note());
        await call;

        Assert.Equal("12", call.GetTrailers().GetValue("tokens"));
        Assert.Null(call.GetTrailers().Get("grpc-status"));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Context_names_method_and_peer()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (_, c) => Task.FromResult(new Note { Text = $"{c.Method} {c.Peer} {c.Deadline == DateTime.MaxValue}" }),
        });

        var parts = (await server.Client.AskAsync(new Note())).Text.Split(' ');

        Assert.Equal("/quarot.compat.v1.Probe/Ask", parts[0]);
        Assert.StartsWith("ipv4:127.0.0.1:", parts[1]);
        Assert.Equal("True", parts[2]);
    }
}
