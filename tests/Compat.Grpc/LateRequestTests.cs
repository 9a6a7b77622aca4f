using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>A client that leaves before its request was read.</summary>
public sealed class LateRequestTests
{
    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task It_is_no_failure_of_the_method()
    {
        var (gate, log, called) = (new AbortGate(), new ErrorLog(), false);
        var script = new ProbeScript
        {
            Ask = (note, _) =>
            {
                called = true;
                return Task.FromResult(note);
            },
        };
        await using var server = await TestServer.StartAsync(script, services: services => services
            .AddSingleton<IStartupFilter>(gate).AddSingleton<ILoggerProvider>(log));
        using var source = new CancellationTokenSource();
        using var call = server.Client.AskAsync(new Note(), cancellationToken: source.Token);
        await gate.Entered.Task;
        await source.CancelAsync();
        await gate.Left.Task;
        Assert.False(called);
        Assert.Empty(log.Errors);
    }

    // Holds each request back until its client has left.
    private sealed class AbortGate : IStartupFilter
    {
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Left { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (http, rest) =>
            {
                var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                using var registration = http.RequestAborted.Register(aborted.SetResult);
                Entered.SetResult();
                await aborted.Task;
                await rest(http);
                Left.SetResult();
            });
            next(app);
        };
    }

    private sealed class ErrorLog : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Errors { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Errors.Enqueue(formatter(state, exception));
        }
    }
}
