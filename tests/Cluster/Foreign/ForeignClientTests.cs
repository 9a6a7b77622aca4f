using System.Text.Json;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>
/// The gateway as a client sees it that is not ours; each client that derives from this plays all of it, and sees the same. What no gRPC
/// library lets its user send (broken frames, another content type) is sent by hand in <c>RawRequestTests</c>.
/// </summary>
public abstract partial class ForeignClientTests(ForeignClient client, ServedLexi served, QuantizedLexi lexi)
{
    private const int Ok = 0, Cancelled = 1, Unknown = 2, InvalidArgument = 3, DeadlineExceeded = 4, NotFound = 5, ResourceExhausted = 8,
        Unimplemented = 12, Unavailable = 14, Unauthenticated = 16;

    private static readonly int[] HelloWorld = [44, 802, 83, 16, 1554, 5];

    [Fact]
    public async Task Unary()
    {
        var seen = await Run("unary");
        Assert.Equal((Ok, "lexi-int4", 2), (Code(seen), Text(seen, "name"), Int(seen, "shards")));
        Assert.Equal(HelloWorld, Ints(seen, "tokens"));
    }

    [Fact]
    public async Task Server_streaming()
    {
        var seen = await Run("chat");
        var first = seen.GetProperty("first");
        Assert.Equal((Ok, (int)Contracts.V1.FinishReason.Stop), (Code(first), Int(first, "finish")));
        Assert.Equal(Ints(first, "ids").Length, Int(first, "completion"));
        Assert.True(Int(first, "messages") > 2, "the answer must come in pieces");
        Assert.Equal(["Define \"brave\".", Text(first, "text")], Texts(seen, "transcript"));
    }

    [Fact]
    public async Task Streaming_both_ways_and_a_call_without_the_proto()
    {
        var seen = await Run("reflection");
        foreach (var version in new[] { "v1", "v1alpha" })
        {
            var answers = seen.GetProperty(version);
            Assert.Contains("quarot.v1.Inference", Texts(answers, "services"));
            Assert.Contains($"grpc.reflection.{version}.ServerReflection", Texts(answers, "services"));
            Assert.Equal($"[{NotFound},\"there is no symbol 'no.such.Symbol'\"]", JsonSerializer.Serialize(answers.GetProperty("error"), Plain));
            Assert.Equal(["quarot.proto", "google/protobuf/timestamp.proto"], Texts(answers, "files"));
            Assert.Equal((0, Ok), (Int(answers, "more"), Code(answers)));
        }

        Assert.Equal(HelloWorld, Ints(seen, "called"));
    }

    [Fact]
    public async Task Health_once_and_watched()
    {
        var seen = await Run("health");
        foreach (var name in new[] { "whole", "service" })
            Assert.Equal((Ok, 1), (Code(seen.GetProperty(name)), Int(seen.GetProperty(name), "status")));
        AssertStatus(NotFound, "service: 'no.such.Service' is not known here", seen.GetProperty("unknown"));
        Assert.Equal((1, 3), (Int(seen, "watched"), Int(seen, "watched_unknown")));
    }

    [Fact]
    public async Task A_deadline_of_the_client_ends_the_turn_and_the_session_goes_on()
    {
        var seen = await Run("deadline");
        Assert.Equal(DeadlineExceeded, Code(seen.GetProperty("late")));
        AssertNextTurn(seen.GetProperty("next"));
    }

    [Fact]
    public async Task A_deadline_that_only_the_server_keeps()
    {
        var seen = await Run("server_deadline");
        AssertStatus(DeadlineExceeded, "Deadline Exceeded", seen);
        Assert.InRange(Ints(seen, "ids").Length, 0, 1999);
    }

    [Fact]
    public async Task Cancellation_in_mid_stream_keeps_what_was_streamed()
    {
        var seen = await Run("cancel");
        var cancelled = seen.GetProperty("cancelled");
        Assert.Equal(Cancelled, Code(cancelled));
        Assert.InRange(Ints(cancelled, "ids").Length, 3, 1999);
        AssertNextTurn(seen.GetProperty("next"));
        var transcript = Texts(seen, "transcript");
        Assert.Equal(4, transcript.Length);
        Assert.StartsWith(Text(cancelled, "text"), transcript[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metadata_of_a_call_and_of_its_answer()
    {
        var seen = await Run("metadata");
        var answered = seen.GetProperty("answered");
        Assert.Equal(HelloWorld, Ints(answered, "ids"));
        Assert.Equal("Kestrel", Text(answered.GetProperty("headers"), "server"));
        AssertStatus(NotFound, "service: 'größer 50% – 大' is not known here", seen.GetProperty("refused"));
    }

    [Fact]
    public async Task Unknown_methods_and_services()
    {
        var seen = await Run("unknown");
        Assert.Equal((Unimplemented, Unimplemented), (Code(seen.GetProperty("method")), Code(seen.GetProperty("service"))));
    }

    [Fact]
    public async Task Errors_with_their_text()
    {
        var seen = await Run("errors");
        AssertStatus(NotFound, "session_id: there is no session 'doesnotexist'", seen.GetProperty("session"));
        AssertStatus(InvalidArgument, "sampling.top_p: is 2; must be above 0 and at most 1", seen.GetProperty("stream"));

        // Grpc.AspNetCore parses a message before any interceptor sees the call, and answers what does not parse by UNKNOWN.
        Assert.Equal(Unknown, Code(seen.GetProperty("malformed")));
        Assert.Equal(ResourceExhausted, Code(seen.GetProperty("oversized")));
    }

    [Fact]
    public async Task Compressed_requests_are_read_and_bounded_by_what_they_unpack_to()
    {
        var seen = await Run("gzip");
        Assert.True(Ints(seen, "plain").Length >= 2000);
        Assert.Equal(Ints(seen, "plain"), Ints(seen, "zipped"));
        Assert.NotEqual("", Text(seen, "plain_stream"));
        Assert.Equal(Text(seen, "plain_stream"), Text(seen, "zipped_stream"));
        Assert.Equal(ResourceExhausted, Code(seen.GetProperty("bomb")));
    }

    private static JsonSerializerOptions Plain { get; } = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static int Int(JsonElement seen, string name) => seen.GetProperty(name).GetInt32();

    private static int Code(JsonElement seen) => Int(seen, "code");

    private static string Text(JsonElement seen, string name) => seen.GetProperty(name).GetString()!;

    private static int[] Ints(JsonElement seen, string name) => [.. seen.GetProperty(name).EnumerateArray().Select(v => v.GetInt32())];

    private static string[] Texts(JsonElement seen, string name) => [.. seen.GetProperty(name).EnumerateArray().Select(v => v.GetString()!)];

    private static void AssertStatus(int code, string details, JsonElement seen) => Assert.Equal((code, details), (Code(seen), Text(seen, "details")));

    private static void AssertNextTurn(JsonElement seen)
    {
        Assert.Equal((Ok, 1), (Code(seen), Int(seen, "turn")));
        Assert.NotEmpty(Ints(seen, "ids"));
    }

    private Task<JsonElement> Run(string name, params string[] arguments) => client.Run(served.Address, name, arguments);
}
