using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>The client's side of the protocol, against responses made by hand.</summary>
public sealed class ClientProtocolTests
{
    private static readonly Note Hello = new() { Text = "hello" };

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData(400, StatusCode.Internal)]
    [InlineData(401, StatusCode.Unauthenticated)]
    [InlineData(403, StatusCode.PermissionDenied)]
    [InlineData(404, StatusCode.Unimplemented)]
    [InlineData(429, StatusCode.Unavailable)]
    [InlineData(500, StatusCode.Unknown)]
    [InlineData(502, StatusCode.Unavailable)]
    [InlineData(503, StatusCode.Unavailable)]
    [InlineData(504, StatusCode.Unavailable)]
    public async Task Http_errors_become_statuses(int http, StatusCode expected)
    {
        await using var server = await CannedServer.StartAsync(context =>
        {
            context.Response.StatusCode = http;
            return Task.CompletedTask;
        });

        var failure = await RpcAssert.FailsAsync(expected, server.Client.AskAsync(Hello).ResponseAsync);

        Assert.Contains(http.ToString(), failure.Status.Detail);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Status_in_the_headers_comes_before_the_http_error()
    {
        await using var server = await CannedServer.StartAsync(context =>
        {
            context.Response.StatusCode = 503;
            context.Response.Headers["grpc-status"] = "8";
            context.Response.Headers["grpc-message"] = "no%20room";
            context.Response.Headers["hint"] = "later";
            return Task.CompletedTask;
        });

        var failure = await RpcAssert.FailsAsync(StatusCode.ResourceExhausted, server.Client.AskAsync(Hello).ResponseAsync);

        Assert.Equal("no room", failure.Status.Detail);
        Assert.Equal("later", failure.Trailers.GetValue("hint"));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Response_of_another_content_type_is_no_grpc()
    {
        await using var server = await CannedServer.StartAsync(context => context.Response.WriteAsync("<html>"));

        await RpcAssert.FailsAsync(StatusCode.Cancelled, server.Client.AskAsync(Hello).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Missing_status_is_a_failure_even_after_a_message()
    {
        await using var server = await CannedServer.StartAsync(RawClient.Frame(Hello), status: null);
        using var stream = server.Client.Listen(Hello);

        var unary = await RpcAssert.FailsAsync(StatusCode.Cancelled, server.Client.AskAsync(Hello).ResponseAsync);
        Assert.True(await stream.ResponseStream.MoveNext(CancellationToken.None));
        await RpcAssert.FailsAsync(StatusCode.Cancelled, stream.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal("No grpc-status found on response.", unary.Status.Detail);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Unary_response_without_a_message_is_an_internal_error()
    {
        await using var server = await CannedServer.StartAsync([]);

        await RpcAssert.FailsAsync(StatusCode.Internal, server.Client.AskAsync(Hello).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Unary_response_with_ok_in_the_headers_is_an_internal_error()
    {
        await using var server = await CannedServer.StartAsync(context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = "0";
            return Task.CompletedTask;
        });

        await RpcAssert.FailsAsync(StatusCode.Internal, server.Client.AskAsync(Hello).ResponseAsync);
    }

    public static TheoryData<string, byte[]> BrokenBodies => new()
    {
        { "part of a header", [0, 0, 0] },
        { "part of a message", RawClient.Frame(new byte[3], length: 10) },
        { "an unknown flag", RawClient.Frame(new byte[3], flag: 7) },
        { "two messages", [.. RawClient.Frame(Hello), .. RawClient.Frame(Hello)] },
        { "compression without an encoding", RawClient.Frame(RawClient.Gzip(Hello.ToByteArray()), flag: 1) },
    };

    [Theory(Timeout = TestLimits.Milliseconds)]
    [MemberData(nameof(BrokenBodies))]
    public async Task Broken_responses_are_internal_errors(string what, byte[] body)
    {
        await using var server = await CannedServer.StartAsync(body);

        var failure = await Assert.ThrowsAsync<RpcException>(() => server.Client.AskAsync(Hello).ResponseAsync);

        Assert.True(failure.StatusCode == StatusCode.Internal, $"{what}: {failure.Status}");
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Gzip_responses_are_read()
    {
        await using var server = await CannedServer.StartAsync(
            RawClient.Frame(RawClient.Gzip(Hello.ToByteArray()), flag: 1), encoding: "gzip");

        Assert.Equal(Hello, await server.Client.AskAsync(Hello));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Response_in_an_unknown_encoding_is_unimplemented()
    {
        await using var server = await CannedServer.StartAsync(RawClient.Frame([1], flag: 1), encoding: "snappy");

        await RpcAssert.FailsAsync(StatusCode.Unimplemented, server.Client.AskAsync(Hello).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Status_text_is_decoded_and_malformed_escapes_stay()
    {
        await using var server = await CannedServer.StartAsync([], status: 10, message: "%E2%82%AC 5%zz %0A");

        var failure = await RpcAssert.FailsAsync(StatusCode.Aborted, server.Client.AskAsync(Hello).ResponseAsync);

        Assert.Equal("€ 5%zz \n", failure.Status.Detail);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Request_carries_the_headers_of_the_protocol()
    {
        var seen = new TaskCompletionSource<Dictionary<string, string>>();
        await using var server = await CannedServer.StartAsync(context =>
        {
            seen.SetResult(context.Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString()));
            context.Response.Headers["grpc-status"] = "1";
            return Task.CompletedTask;
        });

        await RpcAssert.FailsAsync(
            StatusCode.Cancelled, server.Client.AskAsync(Hello, deadline: DateTime.UtcNow.AddSeconds(100)).ResponseAsync);
        var headers = await seen.Task;

        Assert.Equal("application/grpc", headers["content-type"]);
        Assert.Equal("trailers", headers["te"]);
        Assert.Subset(headers["grpc-accept-encoding"].Split(',').ToHashSet(), new HashSet<string> { "identity", "gzip" });
        Assert.Matches("^[0-9]{1,8}[HMSmun]$", headers["grpc-timeout"]);
    }
}
