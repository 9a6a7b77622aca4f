using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>How methods end, and what of it the client sees.</summary>
public sealed class StatusTests
{
    public static TheoryData<StatusCode> Failures => [.. Enum.GetValues<StatusCode>().Where(c => c != StatusCode.OK)];

    [Theory(Timeout = TestLimits.Milliseconds)]
    [MemberData(nameof(Failures))]
    public async Task Thrown_status_reaches_the_client(StatusCode code)
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (_, _) => throw new RpcException(new Status(code, "because of " + code)),
        });

        var failure = await RpcAssert.FailsAsync(code, server.Client.AskAsync(new Note()).ResponseAsync);

        Assert.Equal("because of " + code, failure.Status.Detail);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Trailers_of_the_exception_and_of_the_context_arrive_together()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (_, context) =>
            {
                context.ResponseTrailers.Add("from-context", "1");
                throw new RpcException(
                    new Status(StatusCode.ResourceExhausted, "full"),
                    new Metadata { { "retry-hint", "250" }, { "limit-bin", [0, 255, 7] } });
            },
        });

        var failure = await RpcAssert.FailsAsync(StatusCode.ResourceExhausted, server.Client.AskAsync(new Note()).ResponseAsync);

        Assert.Equal("1", failure.Trailers.GetValue("from-context"));
        Assert.Equal("250", failure.Trailers.GetValue("Retry-Hint"));
        Assert.Equal([0, 255, 7], failure.Trailers.GetValueBytes("limit-bin")!);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Failure_after_some_responses_comes_after_them_with_its_trailers()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, _) =>
            {
                await responses.WriteAsync(new Note { Number = 1 });
                throw new RpcException(new Status(StatusCode.DataLoss, "gone"), new Metadata { { "at", "2" } });
            },
        });
        using var call = server.Client.Listen(new Note());

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        var failure = await RpcAssert.FailsAsync(StatusCode.DataLoss, call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal("2", failure.Trailers.GetValue("at"));
        Assert.Equal("2", call.GetTrailers().GetValue("at"));
        Assert.Equal(StatusCode.DataLoss, call.GetStatus().StatusCode);
        await RpcAssert.FailsAsync(StatusCode.DataLoss, call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData(false, "Exception was thrown by handler.")]
    [InlineData(true, "Exception was thrown by handler. InvalidOperationException: secret")]
    public async Task Unexpected_exception_is_unknown_and_tells_details_only_when_enabled(bool detailed, string expected)
    {
        await using var server = await TestServer.StartAsync(
            new ProbeScript { Ask = (_, _) => throw new InvalidOperationException("secret") }, o => o.EnableDetailedErrors = detailed);

        var failure = await RpcAssert.FailsAsync(StatusCode.Unknown, server.Client.AskAsync(new Note()).ResponseAsync);

        Assert.Equal(expected, failure.Status.Detail);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Status_set_on_the_context_ends_the_call_without_an_exception()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = (_, _, context) =>
            {
                context.Status = new Status(StatusCode.NotFound, "no such chat");
                return Task.CompletedTask;
            },
        });
        using var call = server.Client.Listen(new Note());

        var failure = await RpcAssert.FailsAsync(StatusCode.NotFound, call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal("no such chat", failure.Status.Detail);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Method_without_an_override_is_unimplemented()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript());

        await RpcAssert.FailsAsync(StatusCode.Unimplemented, server.Client.AskAsync(new Note()).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Unknown_service_is_unimplemented()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript());

        var client = new Missing.MissingClient(server.Channel);

        await RpcAssert.FailsAsync(StatusCode.Unimplemented, client.AskAsync(new Note()).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Unary_method_that_returns_null_is_cancelled()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript { Ask = (_, _) => Task.FromResult<Note>(null!) });

        await RpcAssert.FailsAsync(StatusCode.Cancelled, server.Client.AskAsync(new Note()).ResponseAsync);
    }

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData("umlaut äöü, 日本語, emoji 🙂")]
    [InlineData("100% of\r\nlines\tand \u0001\u007f control")]
    [InlineData("%41 is not A")]
    public async Task Any_text_survives_as_status_detail(string detail)
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (_, _) => throw new RpcException(new Status(StatusCode.Aborted, detail)),
        });

        var failure = await RpcAssert.FailsAsync(StatusCode.Aborted, server.Client.AskAsync(new Note()).ResponseAsync);

        Assert.Equal(detail, failure.Status.Detail);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Status_of_a_running_call_cannot_be_read()
    {
        var release = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript { Listen = (_, _, _) => release.Task });
        using var call = server.Client.Listen(new Note());

        Assert.Throws<InvalidOperationException>(() => call.GetStatus());
        Assert.Throws<InvalidOperationException>(() => call.GetTrailers());
        release.SetResult();
    }
}
