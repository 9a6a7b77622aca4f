using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Protocol;

namespace Grpc.Net.Client;

/// <summary>
/// One call over one HTTP/2 request. It has one outcome, set by whichever comes first: the status from the server, a broken
/// connection, the deadline, a cancellation, or disposal.
/// </summary>
internal sealed partial class ClientCall<TRequest, TResponse> : IAsyncStreamReader<TResponse>, IDisposable
    where TRequest : class
    where TResponse : class
{
    private readonly GrpcChannel _channel;
    private readonly Method<TRequest, TResponse> _method;
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource<Metadata> _headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FrameWriter _frames;
    private Task<FrameReader?> _sent = null!;
    private HttpResponseMessage? _response;
    private int _reading;

    public ClientCall(GrpcChannel channel, Method<TRequest, TResponse> method, CallOptions options)
    {
        if (options.Deadline is { Kind: not DateTimeKind.Utc } deadline && deadline != DateTime.MaxValue && deadline != DateTime.MinValue)
        {
            throw new InvalidOperationException(
                "Deadline must have a kind DateTimeKind.Utc or be equal to DateTime.MaxValue or DateTime.MinValue.");
        }

        (_channel, _method, Options) = (channel, method, options);
        _frames = new FrameWriter(channel.Options.MaxSendMessageSize);
        channel.Register(this);
    }

    public CallOptions Options { get; }

    public TResponse Current { get; private set; } = null!;

    public Task<Metadata> Headers => _headers.Task;

    /// <summary>Cancelled when the call is over, for whatever reason.</summary>
    public CancellationToken Token => _over.Token;

    /// <summary>Sends a call with one request.</summary>
    public void Start(TRequest request) =>
        Send(() => new ReadOnlyMemoryContent(_frames.Frame(_method.RequestMarshaller, request)));

    /// <summary>Sends a call with many requests; they go through the writer.</summary>
    public ClientStreamWriter<TRequest, TResponse> StartStreaming()
    {
        var content = new RequestStreamContent();
        Send(() => content);
        return new ClientStreamWriter<TRequest, TResponse>(this, content, _method.RequestMarshaller, _frames);
    }

    /// <summary>The one response of a call that has exactly one.</summary>
    public async Task<TResponse> ReceiveSingleAsync() => (await ReceiveAsync(single: true).ConfigureAwait(false))!;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _reading, 1) != 0)
        {
            throw new InvalidOperationException("Can't read the next message because the previous read is still in progress.");
        }

        try
        {
            using var registration = CancelWith(cancellationToken);
            Current = null!;
            var next = await ReceiveAsync(single: false).ConfigureAwait(false);
            Current = next!;
            return next is not null;
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    private void Send(Func<HttpContent> content)
    {
        WatchForEnd();
        _sent = SendAsync(content);
        _ = _sent.ContinueWith(t => t.Exception, TaskScheduler.Default); // a call may be started and never read
        _ = _headers.Task.ContinueWith(t => t.Exception, TaskScheduler.Default);
    }

    // Gives the reader of the messages, or null when the headers already held the status.
    private async Task<FrameReader?> SendAsync(Func<HttpContent> content)
    {
        try
        {
            _over.Token.ThrowIfCancellationRequested();
            var response = await _channel.Http.SendAsync(CreateRequest(content()), _over.Token).ConfigureAwait(false);
            Attach(response);
            _headers.TrySetResult(ReadMetadata(response.Headers));
            if (StatusMapping.FromHeaders(response) is { } status)
            {
                var isSingle = _method.Type == MethodType.Unary;
                End(isSingle && status.StatusCode == StatusCode.OK ? NoResponse : status, ReadMetadata(response.Headers));
                return null;
            }

            var body = await response.Content.ReadAsStreamAsync(_over.Token).ConfigureAwait(false);
            return new FrameReader(
                PipeReader.Create(body), _channel.Options.MaxReceiveMessageSize, StatusMapping.First(response.Headers, Wire.Encoding));
        }
        catch (Exception e)
        {
            var failure = Failure("Error starting gRPC call.", e);
            _headers.TrySetException(failure);
            throw failure;
        }
    }

    private HttpRequestMessage CreateRequest(HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue(Wire.ContentType);
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_channel.Address, _method.FullName))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.TryAddWithoutValidation("User-Agent", "grpc-dotnet-compat");
        request.Headers.TryAddWithoutValidation(Wire.AcceptEncoding, Wire.SupportedEncodings);
        foreach (var entry in Options.Headers ?? Metadata.Empty)
        {
            request.Headers.TryAddWithoutValidation(entry.Key, Wire.HeaderValue(entry));
        }

        if (Options.Deadline is { } deadline && deadline != DateTime.MaxValue)
        {
            request.Headers.TryAddWithoutValidation(Wire.Timeout, Wire.EncodeTimeout(deadline - DateTime.UtcNow));
        }

        return request;
    }

    // The next message, or null after the last one if the status is OK. A single message comes with the status.
    private async Task<TResponse?> ReceiveAsync(bool single)
    {
        var reader = await _sent.ConfigureAwait(false);
        TResponse? message = null;
        if (_outcome is null)
        {
            try
            {
                message = await reader!.ReadAsync(_method.ResponseMarshaller, _over.Token).ConfigureAwait(false);
                if (message is not null && !single)
                {
                    return message;
                }

                if (message is not null
                    && await reader.ReadAsync(_method.ResponseMarshaller, _over.Token).ConfigureAwait(false) is not null)
                {
                    throw new RpcException(new Status(StatusCode.Internal, "Unexpected data after finished reading message."));
                }

                EndFromTrailers(messageMissing: single && message is null);
            }
            catch (Exception e)
            {
                throw Failure("Error reading next message.", e);
            }
        }

        return _outcome!.Status.StatusCode == StatusCode.OK ? message : throw OutcomeException();
    }

    private static Metadata ReadMetadata(HttpHeaders headers)
    {
        var metadata = new Metadata();
        foreach (var (key, values) in headers.NonValidated)
        {
            foreach (var value in values)
            {
                Wire.AddHeader(metadata, key, value);
            }
        }

        return metadata;
    }
}
