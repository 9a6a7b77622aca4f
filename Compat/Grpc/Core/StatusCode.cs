namespace Grpc.Core;

/// <summary>The result codes of gRPC; the numbers are the protocol's (`grpc-status`) and never change.</summary>
public enum StatusCode
{
    /// <summary>The call succeeded.</summary>
    OK = 0,

    /// <summary>The call was cancelled, usually by its caller.</summary>
    Cancelled = 1,

    /// <summary>A failure that carries no better code.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the server.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the call ended.</summary>
    DeadlineExceeded = 4,

    /// <summary>The thing asked for does not exist.</summary>
    NotFound = 5,

    /// <summary>The thing to create exists already.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota, a queue or a message size limit is exhausted.</summary>
    ResourceExhausted = 8,

    /// <summary>The state of the server does not allow the request.</summary>
    FailedPrecondition = 9,

    /// <summary>The call lost a conflict with another one.</summary>
    Aborted = 10,

    /// <summary>The request is past a valid range.</summary>
    OutOfRange = 11,

    /// <summary>The method or a feature of it does not exist.</summary>
    Unimplemented = 12,

    /// <summary>An invariant is broken, the protocol's among them.</summary>
    Internal = 13,

    /// <summary>The service cannot be reached now; a retry may help.</summary>
    Unavailable = 14,

    /// <summary>Data is lost or corrupt.</summary>
    DataLoss = 15,

    /// <summary>The caller is not known.</summary>
    Unauthenticated = 16,
}
