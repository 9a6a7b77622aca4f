using Grpc.Core;
using QuaRot.Contracts;
using QuaRot.Gateway.Services;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>What the call's own end did to the calls behind it is not the cluster's failure.</summary>
public class EndedCallTests
{
    private static readonly DateTime Now = new(2026, 11, 27, 12, 0, 0, DateTimeKind.Utc);

    private static readonly Exception[] Consequences =
    [
        new EnumerationAbortedException("aborted"),
        new SiloUnavailableException("gone"),
        new RequestRejectedException(RejectionReason.Unavailable, "stopping"),
        new OperationCanceledException(),
    ];

    [Fact]
    public void After_the_deadline_it_is_the_deadline_cancelled_or_not()
    {
        foreach (var exception in Consequences)
        {
            Assert.Equal(StatusCode.DeadlineExceeded, EndedCall.StatusOf(exception, Now, isCancelled: false, Now)?.StatusCode);
            Assert.Equal(StatusCode.DeadlineExceeded, EndedCall.StatusOf(exception, Now.AddSeconds(-1), isCancelled: true, Now)?.StatusCode);
        }
    }

    [Fact]
    public void After_a_cancellation_it_is_the_cancellation()
    {
        foreach (var exception in Consequences)
            Assert.Equal(StatusCode.Cancelled, EndedCall.StatusOf(exception, DateTime.MaxValue, isCancelled: true, Now)?.StatusCode);
    }

    [Fact]
    public void During_the_call_an_exception_means_what_it_says()
    {
        foreach (var exception in Consequences)
            Assert.Null(EndedCall.StatusOf(exception, Now.AddTicks(1), isCancelled: false, Now));
    }

    [Fact]
    public void A_refusal_or_a_defect_stays_what_it_is()
    {
        Assert.Null(EndedCall.StatusOf(new RequestRejectedException(RejectionReason.NotFound, "no session"), Now, isCancelled: true, Now));
        Assert.Null(EndedCall.StatusOf(new InvalidOperationException("a defect"), Now, isCancelled: true, Now));
    }
}
