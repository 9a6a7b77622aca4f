using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>A client that gives up: what it sees, and what the method sees.</summary>
public sealed class CancellationTests
{
    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Cancelling_in_mid_stream_reaches_the_method()
    {
        var (script, cancelled) = StreamUntilCancelled();
        await using var server = await TestServer.StartAsync(script);
        using var source = new CancellationTokenSource();
        using var call = server.Client.Listen(new Note(), cancellationToken: source.Token);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        await source.CancelAsync();

        await cancelled;
        await RpcAssert.FailsAsync(StatusCode.Cancelled, call.ResponseStream.ReadAllAsync().CountAsync().AsTask());
        Assert.Equal(StatusCode.Cancelled, call.GetStatus().StatusCode);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Cancelling_a_read_cancels_the_call()
    {
        var (script, cancelled) = StreamUntilCancelled();
        await using var server = await TestServer.StartAsync(script);
        using var source = new CancellationTokenSource();
        using var call = server.Client.Listen(new Note());
        Assert.True(await call.ResponseStream.MoveNext(source.Token));

        var read = call.ResponseStream.MoveNext(source.Token);
        await source.CancelAsync();

        await RpcAssert.FailsAsync(StatusCode.Cancelled, read);
        await cancelled;
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Disposing_the_call_reaches_the_method()
    {
        var (script, cancelled) = StreamUntilCancelled();
        await using var server = await TestServer.StartAsync(script);
        var call = server.Client.Listen(new Note());
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        call.Dispose();

        await cancelled;
        await Assert.ThrowsAsync<ObjectDisposedException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Disposing_the_channel_cancels_its_calls_and_allows_no_new_ones()
    {
        var (script, cancelled) = StreamUntilCancelled();
        await using var server = await TestServer.StartAsync(script);
        using var call = server.Client.Listen(new Note());
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        server.Channel.Dispose();

        await cancelled;
        Assert.Throws<ObjectDisposedException>(() => server.Client.AskAsync(new Note()));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Cancelling_ends_a_method_that_waits_for_requests()
    {
        var reading = new TaskCompletionSource();
        var ended = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Talk = async (requests, _, _) =>
            {
                Assert.True(await requests.MoveNext(CancellationToken.None));
                reading.SetResult();
                ended.SetResult(await Record.ExceptionAsync(() => requests.MoveNext(CancellationToken.None)));
            },
        });
        using var source = new CancellationTokenSource();
        using var call = server.Client.Talk(cancellationToken: source.Token);
        await call.RequestStream.WriteAsync(new Note());
        await reading.Task;

        await source.CancelAsync();

        Assert.NotNull(await ended.Task);
        await RpcAssert.FailsAsync(StatusCode.Cancelled, call.ResponseStream.MoveNext(CancellationToken.None));
        await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new Note()));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Writing_after_the_client_left_is_an_error()
    {
        var failure = new TaskCompletionSource<Exception?>();
        var gone = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, context) =>
            {
                using var registration = context.CancellationToken.Register(gone.SetResult);
                await responses.WriteAsync(new Note());
                await gone.Task;
                failure.SetResult(await Record.ExceptionAsync(() => responses.WriteAsync(new Note())));
            },
        });
        var call = server.Client.Listen(new Note());
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        call.Dispose();

        Assert.IsType<InvalidOperationException>(await failure.Task);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Cancelled_token_starts_no_call()
    {
        var called = false;
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (note, _) =>
            {
                called = true;
                return Task.FromResult(note);
            },
        });

        using var call = server.Client.AskAsync(new Note(), cancellationToken: new CancellationToken(canceled: true));
        await RpcAssert.FailsAsync(StatusCode.Cancelled, call.ResponseAsync);

        Assert.False(called);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Cancelling_a_server_write_resets_the_call()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, _) =>
            {
                await responses.WriteAsync(new Note());
                await responses.WriteAsync(new Note(), new CancellationToken(canceled: true));
            },
        });
        using var call = server.Client.Listen(new Note());

        await RpcAssert.FailsAsync(StatusCode.Cancelled, call.ResponseStream.ReadAllAsync().CountAsync().AsTask());
    }

    // One response, then nothing until the call is cancelled.
    private static (ProbeScript Script, Task Cancelled) StreamUntilCancelled()
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var script = new ProbeScript
        {
            Listen = async (_, responses, context) =>
            {
                using var registration = context.CancellationToken.Register(cancelled.SetResult);
                await responses.WriteAsync(new Note());
                await cancelled.Task;
            },
        };
        return (script, cancelled.Task);
    }
}
