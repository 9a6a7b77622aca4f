using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Server interceptors.</summary>
public sealed class InterceptorTests
{
    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Interceptors_wrap_all_kinds_of_methods_the_first_one_outermost()
    {
        var log = new ConcurrentQueue<string>();
        await using var server = await TestServer.StartAsync(
            new ProbeScript
            {
                Ask = (note, _) => Task.FromResult(Mark(log, "ask", note)),
                Listen = (_, _, _) => Task.FromResult(Mark(log, "listen", new Note())),
                Talk = (_, _, _) => Task.FromResult(Mark(log, "talk", new Note())),
            },
            o =>
            {
                o.Interceptors.Add<Recorder>("outer");
                o.Interceptors.Add<Recorder>("inner");
            },
            services: s => s.AddSingleton(log));

        await server.Client.AskAsync(new Note());
        using var listen = server.Client.Listen(new Note());
        await listen.ResponseStream.MoveNext(CancellationToken.None);
        using var talk = server.Client.Talk();
        await talk.ResponseStream.MoveNext(CancellationToken.None);

        Assert.Equal(new[] { "ask", "listen", "talk" }.SelectMany(name => new[] { "outer", "inner", name }), log);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Interceptor_may_refuse_a_call_and_read_its_headers()
    {
        await using var server = await TestServer.StartAsync(
            new ProbeScript { Ask = (note, _) => Task.FromResult(note), Listen = (_, _, _) => Task.CompletedTask },
            o => o.Interceptors.Add<KeyCheck>());

        await RpcAssert.FailsAsync(StatusCode.Unauthenticated, server.Client.AskAsync(new Note()).ResponseAsync);
        using var stream = server.Client.Listen(new Note());
        await RpcAssert.FailsAsync(StatusCode.Unauthenticated, stream.ResponseStream.MoveNext(CancellationToken.None));

        await server.Client.AskAsync(new Note(), new Metadata { { "api-key", "right" } });
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Registered_interceptor_is_used_as_it_is_and_made_ones_are_disposed()
    {
        var registered = new Recorder([], "registered");
        var disposed = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(
            new ProbeScript { Ask = (note, _) => Task.FromResult(note) },
            o =>
            {
                o.Interceptors.Add<Recorder>();
                o.Interceptors.Add<Disposed>(disposed);
            },
            services: s => s.AddSingleton(registered));

        await server.Client.AskAsync(new Note());

        await disposed.Task;
        Assert.Equal(["registered"], registered.Log);
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task User_state_goes_from_interceptor_to_method()
    {
        await using var server = await TestServer.StartAsync(
            new ProbeScript { Ask = (_, context) => Task.FromResult(new Note { Text = (string)context.UserState["owner"] }) },
            o => o.Interceptors.Add<KeyCheck>());

        var answer = await server.Client.AskAsync(new Note(), new Metadata { { "api-key", "right" } });

        Assert.Equal("owner of right", answer.Text);
    }

    private static Note Mark(ConcurrentQueue<string> log, string name, Note note)
    {
        log.Enqueue(name);
        return note;
    }

    private sealed class Recorder(ConcurrentQueue<string> log, string name) : Interceptor
    {
        public ConcurrentQueue<string> Log => log;

        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(request, context);
        }

        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
            ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(request, responseStream, context);
        }

        public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
            IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
            DuplexStreamingServerMethod<TRequest, TResponse> continuation)
        {
            log.Enqueue(name);
            return continuation(requestStream, responseStream, context);
        }
    }

    private sealed class KeyCheck : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            Check(context);
            return continuation(request, context);
        }

        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
            ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            Check(context);
            return continuation(request, responseStream, context);
        }

        private static void Check(ServerCallContext context)
        {
            if (context.RequestHeaders.GetValue("api-key") is not "right")
            {
                throw new RpcException(new Status(StatusCode.Unauthenticated, "no key"));
            }

            context.UserState["owner"] = "owner of right";
        }
    }

    private sealed class Disposed(TaskCompletionSource disposed) : Interceptor, IDisposable
    {
        public void Dispose() => disposed.SetResult();
    }
}
