namespace QuaRot.Contracts;

/// <summary>A request that cannot be carried out; nothing was changed by it. The gateway turns it into a gRPC status.</summary>
[GenerateSerializer, Alias("quarot.RequestRejectedException")]
public sealed class RequestRejectedException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">What kind of refusal it is.</param>
    /// <param name="message">A text for the client; for <see cref="RejectionReason.InvalidArgument"/> it starts with the field's name.</param>
    public RequestRejectedException(RejectionReason reason, string message)
        : base(message) => Reason = reason;

    /// <summary>What kind of refusal it is.</summary>
    [Id(0)] public RejectionReason Reason { get; private set; }

    /// <summary>When asking again may help; null when nobody knows.</summary>
    [Id(1)] public TimeSpan? RetryAfter { get; set; }
}
