using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>A slow reader stops the writer: 64 MiB do not fit into the windows and buffers between them.</summary>
public sealed class FlowControlTests
{
    private const int Messages = 1024;
    private static readonly Note Large = new() { Data = ByteString.CopyFrom(new byte[64 * 1024]) };

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Client_that_does_not_read_stops_the_server()
    {
        var written = 0;
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (note, _) => Task.FromResult(note),
            Listen = async (_, responses, _) =>
            {
                for (var i = 0; i < Messages; i++)
                {
                    await responses.WriteAsync(Large);
                    Interlocked.Increment(ref written);
                }
            },
        });
        using var call = server.Client.Listen(new Note());
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        var stalledAt = await UntilUnchanged(() => Volatile.Read(ref written), server);
        var rest = await call.ResponseStream.ReadAllAsync().CountAsync();

        Assert.InRange(stalledAt, 1, Messages - 1);
        Assert.Equal(Messages - 1, rest);
        Assert.Equal(Messages, written);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Server_that_does_not_read_stops_the_client()
    {
        var written = 0;
        var read = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Ask = (note, _) => Task.FromResult(note),
            Talk = async (requests, responses, _) =>
            {
                await read.Task;
                await responses.WriteAsync(new Note { Number = await requests.ReadAllAsync().CountAsync() });
            },
        });
        using var call = server.Client.Talk();
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < Messages; i++)
            {
                await call.RequestStream.WriteAsync(Large);
                Interlocked.Increment(ref written);
            }

            await call.RequestStream.CompleteAsync();
        });

        var stalledAt = await UntilUnchanged(() => Volatile.Read(ref written), server);
        read.SetResult();
        await writing;

        Assert.InRange(stalledAt, 0, Messages - 1);
        Assert.Equal(Messages, (await call.ResponseStream.ReadAllAsync().SingleAsync()).Number);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Deadline_frees_a_writer_that_waits_for_the_window()
    {
        var ended = new TaskCompletionSource<Exception?>();
        await using var server = await TestServer.StartAsync(new ProbeScript
        {
            Listen = async (_, responses, _) => ended.SetResult(await Record.ExceptionAsync(async () =>
            {
                while (true)
                {
                    await responses.WriteAsync(Large);
                }
            })),
        });

        // Long enough to reach the method on a busy machine: a call that never came there has nothing to free.
        using var call = server.Client.Listen(new Note(), deadline: DateTime.UtcNow.AddSeconds(2));

        Assert.NotNull(await ended.Task);
        await RpcAssert.FailsAsync(StatusCode.DeadlineExceeded, call.ResponseStream.ReadAllAsync().CountAsync().AsTask());
    }

    // Waits until the count stands still while many round trips pass on the same connection.
    private static async Task<int> UntilUnchanged(Func<int> count, TestServer server)
    {
        while (true)
        {
            var before = count();
            for (var i = 0; i < 50; i++)
            {
                await server.Client.AskAsync(new Note { Number = i });
            }

            if (count() == before)
            {
                return before;
            }
        }
    }
}
