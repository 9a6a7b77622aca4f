using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>Requests that no gRPC library lets its user send, made by hand over HTTP/2.</summary>
public sealed class RawRequestTests(ServedLexi served) : IClassFixture<ServedLexi>, IDisposable
{
    private const string Ok = "0", Internal = "13", Unimplemented = "12";
    private static readonly byte[] Hello = new TokenizeRequest { Text = "Hello, world!" }.ToByteArray();

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler());

    public static TheoryData<string, byte[]> BrokenBodies => new()
    {
        { "nothing", [] },
        { "part of a header", [0, 0, 0] },
        { "part of a message", Frame(Hello, length: Hello.Length + 1) },
        { "an unknown flag", Frame(Hello, flag: 2) },
        { "two messages to a method that takes one", [.. Frame(Hello), .. Frame(Hello)] },
        { "a message and part of another", [.. Frame(Hello), 0, 0] },
        { "compression without an encoding", Frame(Hello, flag: 1) },
    };

    public void Dispose() => _http.Dispose();

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    public async Task Its_own_content_types_are_served(string contentType)
    {
        using var response = await Post(Frame(Hello), contentType);
        Assert.Equal((HttpStatusCode.OK, Ok), (response.StatusCode, Status(response)));
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal([44u, 802, 83, 16, 1554, 5], TokenizeResponse.Parser.ParseFrom(body, 5, body.Length - 5).TokenIds);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/grpc-web")]
    [InlineData(null)]
    public async Task Other_content_types_are_refused(string? contentType)
    {
        using var response = await Post(Frame(Hello), contentType);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        await AssertServes();
    }

    [Theory]
    [MemberData(nameof(BrokenBodies))]
    public async Task Broken_frames_fail_their_call_alone(string what, byte[] body)
    {
        using var response = await Post(body, "application/grpc");
        Assert.True(Status(response) is Internal or "2", $"{what}: {Status(response)}");
        await AssertServes();
    }

    [Fact]
    public async Task An_unknown_encoding_is_refused_with_the_known_ones()
    {
        using var response = await Post(Frame(Hello, flag: 1), "application/grpc", encoding: "snappy");
        Assert.Equal(Unimplemented, Status(response));
        Assert.Contains("gzip", response.Headers.GetValues("grpc-accept-encoding").Single(), StringComparison.Ordinal);
        await AssertServes();
    }

    private static byte[] Frame(byte[] message, byte flag = 0, int? length = null)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), length ?? message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private static string? Status(HttpResponseMessage response) =>
        (response.TrailingHeaders.TryGetValues("grpc-status", out var values) || response.Headers.TryGetValues("grpc-status", out values)) ? values.Single() : null;

    private async Task AssertServes()
    {
        using var response = await Post(Frame(Hello), "application/grpc");
        Assert.Equal(Ok, Status(response));
    }

    // All of it is read, so that the trailers are there.
    private async Task<HttpResponseMessage> Post(byte[] body, string? contentType, string? encoding = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(served.Address, "/quarot.v1.Inference/Tokenize"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType) } },
        };
        request.Headers.TryAddWithoutValidation("te", "trailers");
        if (encoding is not null)
            request.Headers.TryAddWithoutValidation("grpc-encoding", encoding);
        var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        await response.Content.LoadIntoBufferAsync(TestContext.Current.CancellationToken);
        return response;
    }
}
