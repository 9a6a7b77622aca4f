using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>The three kinds of call that the stand-in has, by generated client and server code.</summary>
public sealed class CallKindTests
{
    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Unary_call_returns_the_response_with_status_ok()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (note, _) => Task.FromResult(new Note { Text = note.Text + "!", Number = note.Number + 1 }),
        });

        using var call = server.Client.AskAsync(new Note { Text = "hello", Number = 41 });
        var answer = await call;

        Assert.Equal(new Note { Text = "hello!", Number = 42 }, answer);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Blocking_unary_call_returns_the_response()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript { Ask = (note, _) => Task.FromResult(note) });

        Assert.Equal("same", server.Client.Ask(new Note { Text = "same" }).Text);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Empty_messages_travel_in_both_directions()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript { Ask = (note, _) => Task.FromResult(note) });

        Assert.Equal(new Note(), await server.Client.AskAsync(new Note()));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_streaming_call_gives_all_responses_in_order()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (note, responses, _) =>
            {
                for (var i = 0; i < note.Number; i++)
                {
                    await responses.WriteAsync(new Note { Number = i });
                }
            },
        });

        using var call = server.Client.Listen(new Note { Number = 500 });
        var numbers = await call.ResponseStream.ReadAllAsync().Select(n => n.Number).ToListAsync();

        Assert.Equal(Enumerable.Range(0, 500), numbers);
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_streaming_call_may_have_no_responses()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript { Listen = (_, _, _) => Task.CompletedTask });

        using var call = server.Client.Listen(new Note());

        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Duplex_call_alternates_requests_and_responses()
    {
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Talk = async (requests, responses, _) =>
            {
                await foreach (var note in requests.ReadAllAsync())
                {
                    await responses.WriteAsync(new Note { Number = -note.Number });
                }
            },
        });

        using var call = server.Client.Talk();
        for (var i = 1; i <= 20; i++)
        {
            await call.RequestStream.WriteAsync(new Note { Number = i });
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            Assert.Equal(-i, call.ResponseStream.Current.Number);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task A_hundred_streams_run_at_once()
    {
        const int Streams = 100;
        var arrived = 0;
        var all = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (note, responses, _) =>
            {
                if (Interlocked.Increment(ref arrived) == Streams)
                {
                    all.SetResult();
                }

                // No stream answers before all are there: they can only end if they run side by side.
                await all.Task;
                await responses.WriteAsync(new Note { Number = note.Number });
            },
        });

        var answers = await Task.WhenAll(Enumerable.Range(0, Streams).Select(async i =>
        {
            using var call = server.Client.Listen(new Note { Number = i });
            return (await call.ResponseStream.ReadAllAsync().SingleAsync()).Number;
        }));

        Assert.Equal(Enumerable.Range(0, Streams), answers);
    }
}
