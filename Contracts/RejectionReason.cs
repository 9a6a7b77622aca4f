namespace QuaRot.Contracts;

/// <summary>Why a request was refused. Travels between silos: explicit and append-only.</summary>
public enum RejectionReason
{
    /// <summary>A field is wrong; gRPC INVALID_ARGUMENT.</summary>
    InvalidArgument = 1,

    /// <summary>The session does not exist; gRPC NOT_FOUND.</summary>
    NotFound = 2,

    /// <summary>The session is busy with another turn; gRPC FAILED_PRECONDITION.</summary>
    Busy = 3,

    /// <summary>The queue is full; gRPC RESOURCE_EXHAUSTED.</summary>
    Overloaded = 4,

    /// <summary>A shard is missing or broken; gRPC UNAVAILABLE.</summary>
    Unavailable = 5,
}
