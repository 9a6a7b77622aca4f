using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Size limits of messages on both ends and in both directions.</summary>
public sealed class MessageLimitTests
{
    private const int DefaultLimit = 4 * 1024 * 1024;
    private static readonly ProbeScript Echo = new() { Ask = (note, _) => Task.FromResult(note) };

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Message_of_exactly_the_limit_passes_and_one_byte_more_does_not()
    {
        await using var server = await TestServer.StartAsync(Echo, o => o.MaxReceiveMessageSize = 1000);

        Assert.Equal(1000, (await server.Client.AskAsync(OfSize(1000))).CalculateSize());
        await RpcAssert.FailsAsync(StatusCode.ResourceExhausted, server.Client.AskAsync(OfSize(1001)).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_takes_four_mebibytes_by_default()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript { Ask = (_, _) => Task.FromResult(new Note()) });

        await server.Client.AskAsync(OfSize(DefaultLimit));
        await RpcAssert.FailsAsync(StatusCode.ResourceExhausted, server.Client.AskAsync(OfSize(DefaultLimit + 1)).ResponseAsync);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Client_takes_four_mebibytes_by_default_and_more_if_told_so()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript { Ask = (_, _) => Task.FromResult(OfSize(DefaultLimit + 1)) });
        var unlimited = new Probe.ProbeClient(server.Connect(new GrpcChannelOptions { MaxReceiveMessageSize = null }));

        await RpcAssert.FailsAsync(StatusCode.ResourceExhausted, server.Client.AskAsync(new Note()).ResponseAsync);

        Assert.Equal(DefaultLimit + 1, (await unlimited.AskAsync(new Note())).CalculateSize());
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Announced_size_is_refused_before_the_message_arrives()
    {
        await using var server = await TestServer.StartAsync(Echo);

        var response = await server.Raw().PostAsync(RawClient.Frame([1, 2, 3], length: int.MaxValue));

        Assert.Equal(StatusCode.ResourceExhausted, response.Code);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Limit_holds_for_decompressed_messages()
    {
        await using var server = await TestServer.StartAsync(Echo, o => o.MaxReceiveMessageSize = 10_000);
        var body = RawClient.Frame(RawClient.Gzip(OfSize(1_000_000).ToByteArray()), flag: 1);

        var response = await server.Raw().PostAsync(body, headers: ("grpc-encoding", "gzip"));

        Assert.True(body.Length < 10_000);
        Assert.Equal(StatusCode.ResourceExhausted, response.Code);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Responses_over_the_send_limit_are_not_sent()
    {
        await using var server = await TestServer.StartAsync(Echo, o => o.MaxSendMessageSize = 100);

        await RpcAssert.FailsAsync(StatusCode.ResourceExhausted, server.Client.AskAsync(OfSize(101)).ResponseAsync);
        Assert.Equal(100, (await server.Client.AskAsync(OfSize(100))).CalculateSize());
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Requests_over_the_send_limit_are_not_sent()
    {
        await using var server = await TestServer.StartAsync(Echo);
        var client = new Probe.ProbeClient(server.Connect(new GrpcChannelOptions { MaxSendMessageSize = 100 }));
        using var stream = client.Talk();

        await RpcAssert.FailsAsync(StatusCode.ResourceExhausted, client.AskAsync(OfSize(101)).ResponseAsync);
        var failure = await Assert.ThrowsAsync<RpcException>(() => stream.RequestStream.WriteAsync(OfSize(101)));

        Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
    }

    // A note whose message has exactly this many bytes (at least 3): two or more bytes go to tag and length of the data.
    private static Note OfSize(int bytes)
    {
        var note = new Note { Data = ByteString.CopyFrom(new byte[bytes - 2]) };
        note.Data = ByteString.CopyFrom(new byte[(2 * bytes) - 2 - note.CalculateSize()]);
        return note;
    }
}
