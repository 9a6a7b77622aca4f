using System.Net;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>The server's side of the protocol, by requests made by hand.</summary>
public sealed class ServerProtocolTests
{
    private static readonly Note Hello = new() { Text = "hello" };
    private static readonly ProbeScript Echo = new() { Ask = (note, _) => Task.FromResult(note) };

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc; charset=utf-8")]
    public async Task Grpc_content_types_are_served(string contentType)
    {
        await using var server = await TestServer.StartAsync(Echo);

        var response = await server.Raw().PostAsync(RawClient.Frame(Hello), contentType: contentType);

        Assert.Equal(HttpStatusCode.OK, response.Http);
        Assert.Equal("application/grpc", response.ContentType);
        Assert.Equal(RawClient.Frame(Hello), response.Body);
        Assert.Equal("0", response.Trailers["grpc-status"]);
        Assert.False(response.Headers.ContainsKey("grpc-status"));
    }

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData("application/json")]
    [InlineData("application/grpcx")]
    [InlineData(null)]
    public async Task Other_content_types_are_refused(string? contentType)
    {
        await using var server = await TestServer.StartAsync(Echo);

        var response = await server.Raw().PostAsync(RawClient.Frame(Hello), contentType: contentType);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.Http);
        Assert.Equal(StatusCode.Internal, response.Code);
        Assert.Contains(contentType ?? "missing", response.Message);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Http_1_is_refused()
    {
        await using var server = await TestServer.StartAsync(Echo, protocols: HttpProtocols.Http1);

        var response = await server.Raw().PostAsync(RawClient.Frame(Hello), version: HttpVersion.Version11);

        Assert.Equal(HttpStatusCode.UpgradeRequired, response.Http);
        Assert.Equal(StatusCode.Internal, response.Code);
        Assert.Equal("HTTP/2", response.Headers["Upgrade"]);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Http_endpoints_stay_reachable_beside_grpc()
    {
        await using var server = await TestServer.StartAsync(Echo);

        var plain = await server.Raw().PostAsync([], "/plain/http", contentType: null);
        var unknown = await server.Raw().PostAsync([], "/plain/other", contentType: "application/json");

        Assert.Equal("an endpoint beside gRPC", Encoding.UTF8.GetString(plain.Body));
        Assert.Equal(HttpStatusCode.NotFound, unknown.Http);
    }

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData("/quarot.compat.v1.Probe/Unknown")]
    [InlineData("/some.Other/Method")]
    public async Task Unknown_methods_are_unimplemented_with_http_200(string path)
    {
        await using var server = await TestServer.StartAsync(Echo);

        var response = await server.Raw().PostAsync(RawClient.Frame(Hello), path);

        Assert.Equal(HttpStatusCode.OK, response.Http);
        Assert.Equal(StatusCode.Unimplemented, response.Code);
        Assert.True(response.IsTrailersOnly);
    }

    public static TheoryData<string, byte[]> BrokenBodies => new()
    {
        { "nothing", [] },
        { "part of a header", [0, 0, 0] },
        { "part of a message", RawClient.Frame(new byte[3], length: 10) },
        { "an unknown flag", RawClient.Frame(new byte[3], flag: 2) },
        { "two messages", [.. RawClient.Frame(Hello), .. RawClient.Frame(Hello)] },
        { "a message and part of another", [.. RawClient.Frame(Hello), 0, 0] },
        { "compression without an encoding", RawClient.Frame(RawClient.Gzip(Hello.ToByteArray()), flag: 1) },
    };

    [Theory(Timeout = TestLimits.Milliseconds)]
    [MemberData(nameof(BrokenBodies))]
    public async Task Broken_frames_fail_the_call(string what, byte[] body)
    {
        await using var server = await TestServer.StartAsync(Echo);

        var response = await server.Raw().PostAsync(body);

        Assert.True(response.Code is StatusCode.Internal or StatusCode.Unknown, $"{what}: {response.Code}");
        Assert.Equal(HttpStatusCode.OK, response.Http);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Truncated_frame_in_a_request_stream_is_an_internal_error_after_the_whole_messages()
    {
        var read = 0;
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Talk = async (requests, _, _) =>
            {
                await foreach (var note in requests.ReadAllAsync())
                {
                    read += note.Number;
                }
            },
        });
        byte[] body = [.. RawClient.Frame(new Note { Number = 5 }), .. RawClient.Frame(new Note { Number = 6 }), 0, 0, 0, 0, 9, 1];

        var response = await server.Raw().PostAsync(body, "/quarot.compat.v1.Probe/Talk");

        Assert.Equal(StatusCode.Internal, response.Code);
        Assert.Equal(11, read);
    }

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData("gzip", (byte)1)]
    [InlineData("gzip", (byte)0)]
    [InlineData("identity", (byte)0)]
    public async Task Gzip_and_identity_requests_are_read(string encoding, byte flag)
    {
        await using var server = await TestServer.StartAsync(Echo);
        var payload = flag == 1 ? RawClient.Gzip(Hello.ToByteArray()) : Hello.ToByteArray();

        var response = await server.Raw().PostAsync(RawClient.Frame(payload, flag), headers: ("grpc-encoding", encoding));

        Assert.Equal(StatusCode.OK, response.Code);
        Assert.Equal(RawClient.Frame(Hello), response.Body);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Unknown_encoding_is_unimplemented_and_the_known_ones_are_named()
    {
        await using var server = await TestServer.StartAsync(Echo);

        var response = await server.Raw().PostAsync(RawClient.Frame([1, 2, 3], flag: 1), headers: ("grpc-encoding", "snappy"));

        Assert.Equal(StatusCode.Unimplemented, response.Code);
        Assert.Contains("snappy", response.Message);
        Assert.Subset(response.Headers["grpc-accept-encoding"].Split(',').ToHashSet(), new HashSet<string> { "identity", "gzip" });
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Invalid_gzip_fails_the_call()
    {
        await using var server = await TestServer.StartAsync(Echo);

        var response = await server.Raw().PostAsync(RawClient.Frame([1, 2, 3], flag: 1), headers: ("grpc-encoding", "gzip"));

        Assert.True(response.Code is StatusCode.Internal or StatusCode.Unknown, $"{response.Code}");
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Status_text_is_percent_encoded_on_the_wire()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (_, _) => throw new RpcException(new Status(StatusCode.Aborted, "50% ü\n~")),
        });

        var response = await server.Raw().PostAsync(RawClient.Frame(Hello));

        Assert.Equal("50%25 %C3%BC%0A~", response.Message);
        Assert.True(response.IsTrailersOnly);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Binary_headers_may_be_unpadded()
    {
        byte[][] seen = [];
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (note, context) =>
            {
                seen = [.. context.RequestHeaders.GetAll("id-bin").Select(e => e.ValueBytes)];
                context.ResponseTrailers.Add("back-bin", [255]);
                return Task.FromResult(note);
            },
        });

        var response = await server.Raw().PostAsync(RawClient.Frame(Hello), headers: ("id-bin", "AQI"));

        Assert.Equal(StatusCode.OK, response.Code);
        Assert.Equal([[1, 2]], seen);
        Assert.Equal("/w", response.Trailers["back-bin"].TrimEnd('='));
    }

    [Theory(Timeout = TestLimits.Milliseconds)]
    [InlineData("soon")]
    [InlineData("-1S")]
    [InlineData("0S")]
    [InlineData("5x")]
    public async Task Malformed_timeouts_are_no_deadline(string timeout)
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (_, context) => Task.FromResult(new Note { Number = context.Deadline == DateTime.MaxValue ? 1 : 0 }),
        });

        var response = await server.Raw().PostAsync(RawClient.Frame(Hello), headers: ("grpc-timeout", timeout));

        Assert.Equal(RawClient.Frame(new Note { Number = 1 }), response.Body);
    }
}
