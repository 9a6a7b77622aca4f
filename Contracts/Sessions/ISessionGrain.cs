namespace QuaRot.Contracts.Sessions;

/// <summary>A chat: its history, its turns and the drive of its decode. The key is the session id, 128 random bits in hex.</summary>
/// <remarks>Each call names who asks. A session answers any but its owner as if it did not exist. The owner is empty where there are no API keys.</remarks>
[Alias("quarot.ISessionGrain")]
public interface ISessionGrain : IGrainWithStringKey
{
    /// <summary>Gateway: opens the session for an owner. Safe to retry; a second owner is refused.</summary>
    [Alias("Create")]
    Task<SessionSummary> Create(string owner);

    /// <summary>Gateway: the session without its messages, or null when it does not exist. Safe to retry.</summary>
    [Alias("Describe")]
    Task<SessionSummary?> Describe(string owner);

    /// <summary>Gateway: the session with its messages, or null when it does not exist. Safe to retry.</summary>
    [Alias("Read")]
    Task<SessionView?> Read(string owner);

    /// <summary>Gateway: forgets the session and frees its KV; false when it did not exist. Safe to retry.</summary>
    [Alias("Delete")]
    Task<bool> Delete(string owner);

    /// <summary>Gateway: adds messages and streams the answer. Cancelling keeps what was streamed; a second call meanwhile is refused.</summary>
    /// <remarks>Failure leaves the history as it was before the turn. Not safe to retry blindly: read the session first.</remarks>
    [Alias("Chat")]
    IAsyncEnumerable<TurnEvent> Chat(string owner, ChatTurn turn, CancellationToken cancellationToken);

    /// <summary>Gateway: continues a prompt on a session of its own that is never stored. Safe to retry: same seed, same tokens.</summary>
    [Alias("Generate")]
    IAsyncEnumerable<TurnEvent> Generate(GenerateTurn turn, CancellationToken cancellationToken);
}
