using System.Net;
using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Deadlines as both ends see them.</summary>
public sealed class DeadlineTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(50);

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Deadline_ends_the_call_at_the_client_and_cancels_the_method()
    {
        var reached = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource<bool>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = async (note, context) =>
            {
                reached.TrySetResult();
                await UntilCancelled(context.CancellationToken);
                cancelled.TrySetResult(context.Deadline <= DateTime.UtcNow + TimeSpan.FromSeconds(1));
                return note;
            },
        });

        await UntilReached(reached.Task, wait => RpcAssert.FailsAsync(
            StatusCode.DeadlineExceeded, server.Client.AskAsync(new Note(), deadline: DateTime.UtcNow + wait).ResponseAsync));

        Assert.True(await cancelled.Task);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_enforces_the_timeout_of_a_client_that_only_waits()
    {
        var reached = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = async (note, context) =>
            {
                reached.TrySetResult();
                await UntilCancelled(context.CancellationToken);
                cancelled.TrySetResult();
                return note;
            },
        });

        await UntilReached(reached.Task, async wait =>
        {
            var response = await server.Raw().PostAsync(RawClient.Frame(new Note()), headers: ("grpc-timeout", $"{wait.TotalMilliseconds:0}m"));
            Assert.Equal(HttpStatusCode.OK, response.Http);
            Assert.Equal(StatusCode.DeadlineExceeded, response.Code);
            Assert.True(response.IsTrailersOnly);
        });

        await cancelled.Task;
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_answers_at_the_deadline_even_if_the_method_goes_on()
    {
        var written = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var late = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, _) =>
            {
                await responses.WriteAsync(new Note { Number = 1 });
                written.TrySetResult();
                await release.Task;
                late.TrySetResult(await Record.ExceptionAsync(() => responses.WriteAsync(new Note { Number = 2 })));
            },
        });

        byte[] body = [];
        await UntilReached(written.Task, async wait =>
        {
            var response = await server.Raw().PostAsync(
                RawClient.Frame(new Note()), "/quarot.compat.v1.Probe/Listen", headers: ("grpc-timeout", $"{wait.TotalMicroseconds:0}u"));
            Assert.Equal(StatusCode.DeadlineExceeded, response.Code);
            body = response.Body;
        });
        release.SetResult();

        Assert.Equal(RawClient.Frame(new Note { Number = 1 }), body);
        Assert.IsType<InvalidOperationException>(await late.Task);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Deadline_frees_a_method_that_waits_for_requests()
    {
        var reached = new TaskCompletionSource();
        var ended = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Talk = async (requests, _, _) =>
            {
                reached.TrySetResult();
                ended.TrySetResult(await Record.ExceptionAsync(() => requests.MoveNext(CancellationToken.None)));
            },
        });

        await UntilReached(reached.Task, async wait =>
        {
            using var call = server.Client.Talk(deadline: DateTime.UtcNow + wait);
            await RpcAssert.FailsAsync(StatusCode.DeadlineExceeded, call.ResponseStream.MoveNext(CancellationToken.None));
        });

        Assert.NotNull(await ended.Task);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Past_deadline_never_reaches_the_server()
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

        await RpcAssert.FailsAsync(
            StatusCode.DeadlineExceeded, server.Client.AskAsync(new Note(), deadline: DateTime.UtcNow.AddSeconds(-1)).ResponseAsync);

        Assert.False(called);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Far_deadline_is_seen_by_the_method_and_does_no_harm()
    {
        var deadline = DateTime.UtcNow.AddDays(400);
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (_, context) => Task.FromResult(new Note { Text = context.Deadline.ToString("O") }),
        });

        var seen = DateTime.Parse((await server.Client.AskAsync(new Note(), deadline: deadline)).Text).ToUniversalTime();

        Assert.InRange(seen, deadline.AddMinutes(-1), deadline.AddMinutes(1));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Local_time_is_refused_as_a_deadline()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript());

        Assert.Throws<InvalidOperationException>(() => server.Client.AskAsync(new Note(), deadline: DateTime.Now.AddMinutes(1)));
    }

    // On a cold or busy machine a short deadline may pass before the method is reached; then the next one is twice as long.
    private static async Task UntilReached(Task reached, Func<TimeSpan, Task> call)
    {
        for (var wait = Short; !reached.IsCompleted; wait *= 2)
        {
            await call(wait);
        }
    }

    private static async Task UntilCancelled(CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.Register(cancelled.SetResult);
        await cancelled.Task;
    }
}
