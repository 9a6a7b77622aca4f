using Grpc.Core;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Gpu;

namespace QuaRot.Cli.Commands;

/// <summary>What a command does with failure: one clear line on standard error and exit code 1; 130 when it was interrupted.</summary>
internal static class Failures
{
    private const int Failed = 1;
    private const int Interrupted = 130;

    /// <summary>Runs a command; failures a user can act on become a line, others keep their stack trace.</summary>
    public static async Task<int> Guard(Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled)
        {
            return Say("interrupted", Interrupted);
        }
        catch (RpcException e)
        {
            // "Error connecting to subchannel." helps nobody; the cause behind it does ("Connection refused (127.0.0.1:50051)").
            var cause = e.StatusCode == StatusCode.Unavailable ? e.Status.DebugException?.GetBaseException().Message : null;
            return Say(cause is null || e.Status.Detail.Contains(cause, StringComparison.Ordinal) ? $"{e.StatusCode}: {e.Status.Detail}" : $"{e.StatusCode}: {e.Status.Detail} {cause}", Failed);
        }
        catch (OutOfMemoryException e)
        {
            return Say($"out of memory: {e.Message} A smaller --kv-tokens takes less.", Failed);
        }
        catch (OperationCanceledException)
        {
            return Say("interrupted", Interrupted);
        }
        catch (Exception e) when (e is CheckpointException or CommandException or GpuException or IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return Say(e.Message, Failed);
        }
        catch (Exception e)
        {
            return Say($"unexpected failure: {e}", Failed);
        }
    }

    private static int Say(string message, int code)
    {
        Console.Error.WriteLine($"quarot: {message}");
        return code;
    }
}
