using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>What may not be done with a stream.</summary>
public sealed class StreamRuleTests
{
    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_writes_one_message_at_a_time()
    {
        var failure = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = (_, responses, _) =>
            {
                // The first write is larger than the client's window: it is still under way when the second one starts.
                _ = responses.WriteAsync(new Note { Text = new string('x', 1 << 20) });
                failure.SetResult(responses.WriteAsync(new Note()).Exception?.InnerException);
                return Task.CompletedTask;
            },
        });
        using var call = server.Client.Listen(new Note());

        Assert.IsType<InvalidOperationException>(await failure.Task);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_cannot_write_after_the_method_returned()
    {
        IServerStreamWriter<Note>? escaped = null;
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = (_, responses, _) =>
            {
                escaped = responses;
                return Task.CompletedTask;
            },
        });
        using var call = server.Client.Listen(new Note());
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));

        await Assert.ThrowsAsync<InvalidOperationException>(() => escaped!.WriteAsync(new Note()));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Client_cannot_write_after_it_completed()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Talk = async (requests, responses, _) =>
                await responses.WriteAsync(new Note { Number = await requests.ReadAllAsync().CountAsync() }),
        });
        using var call = server.Client.Talk();
        await call.RequestStream.CompleteAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync(new Note()));
        Assert.Equal(0, (await call.ResponseStream.ReadAllAsync().SingleAsync()).Number);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Client_reads_one_message_at_a_time()
    {
        var release = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript { Listen = (_, _, _) => release.Task });
        using var call = server.Client.Listen(new Note());

        var first = call.ResponseStream.MoveNext(CancellationToken.None);
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
        release.SetResult();

        Assert.False(await first);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Null_messages_are_refused()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript());
        using var call = server.Client.Talk();

        await Assert.ThrowsAsync<ArgumentNullException>(async () => await call.RequestStream.WriteAsync(null!));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_may_end_a_call_while_the_client_still_writes()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Talk = (_, _, _) => throw new RpcException(new Status(StatusCode.FailedPrecondition, "not now")),
        });
        using var call = server.Client.Talk();

        await RpcAssert.FailsAsync(StatusCode.FailedPrecondition, call.ResponseStream.MoveNext(CancellationToken.None));
        var write = await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new Note()));

        Assert.Equal(StatusCode.FailedPrecondition, write.StatusCode);
    }
}
