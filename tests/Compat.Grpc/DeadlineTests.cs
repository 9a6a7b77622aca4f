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
        var cancelled = new TaskCompletionSource<bool>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = async (note, context) =>
            {
                await UntilCancelled(context.CancellationToken);
                cancelled.SetResult(context.Deadline <= DateTime.UtcNow + TimeSpan.FromSeconds(1));
                return note;
            },
        });

        await RpcAssert.FailsAsync(
            StatusCode.DeadlineExceeded, server.Client.AskAsync(new Note(), deadline: DateTime.UtcNow + Short).ResponseAsync);

        Assert.True(await cancelled.Task);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_enforces_the_timeout_of_a_client_that_only_waits()
    {
        var cancelled = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = async (note, context) =>
            {
                await UntilCancelled(context.CancellationToken);
                cancelled.SetResult();
                return note;
            },
        });

        var response = await server.Raw().PostAsync(RawClient.Frame(new Note()), headers: ("grpc-timeout", "50m"));
        await cancelled.Task;

        Assert.Equal(HttpStatusCode.OK, response.Http);
        Assert.Equal(StatusCode.DeadlineExceeded, response.Code);
        Assert.True(response.IsTrailersOnly);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_answers_at_the_deadline_even_if_the_method_goes_on()
    {
        var release = new TaskCompletionSource();
        var late = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, _) =>
            {
                await responses.WriteAsync(new Note { Number = 1 });
                await release.Task;
                late.SetResult(await Record.ExceptionAsync(() => responses.WriteAsync(new Note { Number = 2 })));
            },
        });

        var response = await server.Raw().PostAsync(
            RawClient.Frame(new Note()), "/quarot.compat.v1.Probe/Listen", headers: ("grpc-timeout", "50000u"));
        release.SetResult();

        Assert.Equal(StatusCode.DeadlineExceeded, response.Code);
        Assert.Equal(RawClient.Frame(new Note { Number = 1 }), response.Body);
        Assert.IsType<InvalidOperationException>(await late.Task);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Deadline_frees_a_method_that_waits_for_requests()
    {
        var ended = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Talk = async (requests, _, _) => ended.SetResult(await Record.ExceptionAsync(() => requests.MoveNext(CancellationToken.None))),
        });
        using var call = server.Client.Talk(deadline: DateTime.UtcNow + Short);

        await RpcAssert.FailsAsync(StatusCode.DeadlineExceeded, call.ResponseStream.MoveNext(CancellationToken.None));

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

    private static async Task UntilCancelled(CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.Register(cancelled.SetResult);
        await cancelled.Task;
    }
}
