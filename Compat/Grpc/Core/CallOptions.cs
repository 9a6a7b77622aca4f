namespace Grpc.Core;

/// <summary>Options of one call.</summary>
/// <param name="headers">Metadata to send.</param>
/// <param name="deadline">When the call must be over (UTC).</param>
/// <param name="cancellationToken">Cancels the call.</param>
public struct CallOptions(Metadata? headers = null, DateTime? deadline = null, CancellationToken cancellationToken = default)
{
    /// <summary>Metadata to send.</summary>
    public Metadata? Headers { get; private set; } = headers;

    /// <summary>When the call must be over (UTC).</summary>
    public DateTime? Deadline { get; private set; } = deadline;

    /// <summary>Cancels the call.</summary>
    public CancellationToken CancellationToken { get; private set; } = cancellationToken;

    /// <summary>The same options with other headers.</summary>
    public readonly CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    /// <summary>The same options with another deadline.</summary>
    public readonly CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    /// <summary>The same options with another token.</summary>
    public readonly CallOptions WithCancellationToken(CancellationToken cancellationToken) =>
        this with { CancellationToken = cancellationToken };
}
