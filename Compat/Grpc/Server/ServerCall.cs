using System.Buffers;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server;

/// <summary>
/// One call over one HTTP/2 request: reads, writes, and exactly one status, sent by whichever comes first, the end of the
/// method or the deadline. All writing goes through one gate, so that a status never lands inside a message.
/// </summary>
internal sealed partial class ServerCall
{
    private const int Http2Cancel = 0x8;

    private readonly GrpcServiceOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _cancelled;
    private readonly CancellationToken _token;
    private readonly FrameReader _reader;
    private readonly FrameWriter _writer;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly TaskCompletionSource _deadlineSent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _ended;

    private ServerCall(HttpContext http, GrpcServiceOptions options, ILogger logger)
    {
        Http = http;
        _options = options;
        _logger = logger;
        _cancelled = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        _token = _cancelled.Token; // stays readable after the source is disposed: methods may keep their context
        var encoding = http.Request.Headers[Wire.Encoding] is [{ } name] ? name : null;
        _reader = new FrameReader(http.Request.BodyReader, options.MaxReceiveMessageSize, encoding);
        _writer = new FrameWriter(options.MaxSendMessageSize);
    }

    public HttpContext Http { get; }

    private bool IsOver => Volatile.Read(ref _ended) != 0 || Http.RequestAborted.IsCancellationRequested;

    /// <summary>Serves a request: refuses what is not gRPC over HTTP/2, then runs the body until a status is sent.</summary>
    public static Task HandleAsync(HttpContext http, GrpcServiceOptions options, ILogger logger, Func<ServerCall, Task> body)
    {
        if (!Wire.IsGrpc(http.Request.ContentType))
        {
            var text = http.Request.ContentType is { } type
                ? $"Content-Type '{type}' is not supported."
                : "Content-Type is missing from the request.";
            Refuse(http.Response, StatusCodes.Status415UnsupportedMediaType, StatusCode.Internal, text);
            return Task.CompletedTask;
        }

        if (!HttpProtocol.IsHttp2(http.Request.Protocol) && !HttpProtocol.IsHttp3(http.Request.Protocol))
        {
            http.Response.Headers.Upgrade = "HTTP/2";
            Refuse(http.Response, StatusCodes.Status426UpgradeRequired, StatusCode.Internal,
                $"Request protocol '{http.Request.Protocol}' is not supported.");
            return Task.CompletedTask;
        }

        return new ServerCall(http, options, logger).RunAsync(body);
    }

    /// <summary>A response of headers alone that carries a status.</summary>
    public static void Refuse(HttpResponse response, int httpStatus, StatusCode code, string detail)
    {
        response.StatusCode = httpStatus;
        if (httpStatus == StatusCodes.Status200OK)
        {
            response.ContentType = Wire.ContentType;
        }

        WriteStatus(response.Headers, new Status(code, detail), trailers: null);
    }

    /// <summary>The interceptors of this call, the innermost first.</summary>
    public IEnumerable<Interceptor> InterceptorsInnermostFirst() => _options.Interceptors.Reverse().Select(registration =>
        (Interceptor)(Http.RequestServices.GetService(registration.Type)
            ?? Own(ActivatorUtilities.CreateInstance(Http.RequestServices, registration.Type, [.. registration.Arguments]))));

    /// <summary>Disposes the object with the request.</summary>
    public T Own<T>(T created)
        where T : class
    {
        switch (created)
        {
            case IAsyncDisposable disposable:
                Http.Response.RegisterForDisposeAsync(disposable);
                break;
            case IDisposable disposable:
                Http.Response.RegisterForDispose(disposable);
                break;
        }

        return created;
    }

    /// <summary>The next request message, null at the end.</summary>
    public async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
        where T : class
    {
        if (IsOver)
        {
            throw new InvalidOperationException("Can't read messages after the request is complete.");
        }

        using var either = cancellationToken.CanBeCanceled
            ? CancellationTokenSource.CreateLinkedTokenSource(_token, cancellationToken)
            : null;
        return await _reader.ReadAsync(marshaller, either?.Token ?? _token).ConfigureAwait(false);
    }

    /// <summary>The one request message of a call that has exactly one.</summary>
    public async ValueTask<T> ReadSingleAsync<T>(Marshaller<T> marshaller)
        where T : class
    {
        _token.ThrowIfCancellationRequested(); // a client that left before its request was read is no fault of the method
        var request = await ReadAsync(marshaller, CancellationToken.None).ConfigureAwait(false)
            ?? throw new RpcException(new Status(StatusCode.Internal, "Incomplete message."));
        return await ReadAsync(marshaller, CancellationToken.None).ConfigureAwait(false) is null
            ? request
            : throw new RpcException(new Status(StatusCode.Internal, "Additional data after the message received."));
    }

    /// <summary>Writes the one response of a call; it leaves together with the status.</summary>
    public Task RespondAsync<T>(Marshaller<T> marshaller, T? response)
        where T : class
    {
        if (response is null)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "No message returned from method."));
        }

        // After the deadline there is no one to answer, and the method is not to blame for it.
        return _token.IsCancellationRequested ? Task.CompletedTask : WriteAsync(marshaller, response, flush: false);
    }

    /// <summary>Writes a message; with flush, waits until the client's flow control window takes it.</summary>
    public async Task WriteAsync<T>(Marshaller<T> marshaller, T message, bool flush)
    {
        EnterWrite("Can't write the message because");
        try
        {
            if (!Http.Response.HasStarted)
            {
                await Http.Response.StartAsync(_token).ConfigureAwait(false);
            }

            Http.Response.BodyWriter.Write(_writer.Frame(marshaller, message).Span);
            if (flush)
            {
                await Http.Response.BodyWriter.FlushAsync(_token).ConfigureAwait(false);
                _token.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Resets the stream: the client sees the call cancelled, and so does the method.</summary>
    public void Reset() => Http.Features.GetRequiredFeature<IHttpResetFeature>().Reset(Http2Cancel);

    private void EnterWrite(string what)
    {
        if (IsOver)
        {
            throw new InvalidOperationException(what + " the request is complete.");
        }

        if (!_writing.Wait(0))
        {
            throw new InvalidOperationException(what + " the previous write is in progress.");
        }
    }
}
