using Grpc.Core;
using QuaRot.Contracts;

namespace QuaRot.Gateway.Services;

/// <summary>What a call's own end, its deadline or its client's leaving, made of the calls behind it.</summary>
public static class EndedCall
{
    /// <summary>The status of a call that ended by itself, or null where the exception means what it says.</summary>
    /// <remarks>
    /// A stream that is taken down may report that its enumeration was aborted or its grain was met on the way out: that is no silo lost,
    /// and a client that was told so would ask again. The deadline counts by the clock, for the timer that cancels the call may come later.
    /// </remarks>
    /// <param name="exception">What the method threw.</param>
    /// <param name="deadline">UTC; <see cref="DateTime.MaxValue"/> where there is none.</param>
    /// <param name="isCancelled">Whether the call was cancelled.</param>
    /// <param name="now">UTC.</param>
    public static Status? StatusOf(Exception exception, DateTime deadline, bool isCancelled, DateTime now)
    {
        var follows = exception is OperationCanceledException or OrleansMessageRejectionException or EnumerationAbortedException
            or RequestRejectedException { Reason: RejectionReason.Unavailable };
        return !follows ? null
            : deadline <= now ? new Status(StatusCode.DeadlineExceeded, "Deadline Exceeded")
            : isCancelled ? new Status(StatusCode.Cancelled, "The call was cancelled.")
            : null;
    }
}
