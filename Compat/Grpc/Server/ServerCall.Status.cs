using Grpc.Core;
using Grpc.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Grpc.AspNetCore.Server;

// The life of a call: deadline, errors, status.
internal sealed partial class ServerCall
{
    private async Task RunAsync(Func<ServerCall, Task> body)
    {
        Http.Response.ContentType = Wire.ContentType;
        Http.Response.Headers[Wire.AcceptEncoding] = Wire.SupportedEncodings;
        LiftHttpLimits();
        var timeout = Wire.DecodeTimeout(Http.Request.Headers[Wire.Timeout]);
        _deadline = timeout is { } time ? DateTime.UtcNow + time : DateTime.MaxValue;
        using var timer = timeout is null ? null : new DeadlineTimer(_deadline, () => _ = ExpireAsync());
        try
        {
            await body(this).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever a method throws ends its own call alone and becomes the status that the client sees.
            _status = StatusOf(e);
        }

        await FinishAsync().ConfigureAwait(false);
        _cancelled.Dispose();
    }

    private static void WriteStatus(IHeaderDictionary destination, Status status, Metadata? trailers)
    {
        foreach (var entry in trailers ?? Metadata.Empty)
        {
            destination.Append(entry.Key, Wire.HeaderValue(entry));
        }

        destination[Wire.Status] = status.StatusCode.ToString("D");
        destination[Wire.Message] = string.IsNullOrEmpty(status.Detail) ? default : Wire.PercentEncode(status.Detail);
    }

    // Message limits are gRPC's own; a stream that pauses, or goes on for hours, is no attack.
    private void LiftHttpLimits()
    {
        if (Http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }
    }

    private Status StatusOf(Exception exception)
    {
        if (exception is RpcException rpc)
        {
            foreach (var entry in rpc.Trailers)
            {
                ResponseTrailers.Add(entry);
            }

            Log.CallEnded(_logger, Method, rpc.StatusCode, rpc.Status.Detail);
            return rpc.Status;
        }

        if (exception is OperationCanceledException or IOException && _token.IsCancellationRequested)
        {
            Log.HandlerCancelled(_logger, Method);
        }
        else
        {
            Log.HandlerFailed(_logger, Method, exception);
        }

        const string Text = "Exception was thrown by handler.";
        return new Status(StatusCode.Unknown,
            _options.EnableDetailedErrors is true ? Text + " " + Wire.Describe(exception) : Text, exception);
    }

    private async Task FinishAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            await _deadlineSent.Task.ConfigureAwait(false);
            return;
        }

        // A write that the method did not await may still be under way.
        await _writing.WaitAsync().ConfigureAwait(false);
        if (!Http.RequestAborted.IsCancellationRequested)
        {
            SendStatus(_status);
        }
    }

    private async Task ExpireAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }

        try
        {
            // Cancelling frees a write that waits for the client's window; only then is the gate sure to open.
            _ = _cancelled.CancelAsync();
            await _writing.WaitAsync().ConfigureAwait(false);
            SendStatus(new Status(StatusCode.DeadlineExceeded, "Deadline Exceeded"));
            await Http.Response.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // The client is gone, or the method put a trailer that cannot be sent: its own deadline tells the client.
            Log.DeadlineNotSent(_logger, Method, e);
        }
        finally
        {
            _deadlineSent.SetResult();
        }
    }

    private void SendStatus(Status status)
    {
        var destination = Http.Response.HasStarted
            ? Http.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers
            : Http.Response.Headers;
        WriteStatus(destination, status, _trailers);
    }
}
