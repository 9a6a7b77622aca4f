namespace QuaRot.Contracts.Sessions;

/// <summary>Which sessions an owner has. The key is made of the owner by <see cref="SessionOwner.DirectoryKey"/>.</summary>
[Alias("quarot.ISessionDirectoryGrain")]
public interface ISessionDirectoryGrain : IGrainWithStringKey
{
    /// <summary>SessionGrain: adds a session. Safe to retry.</summary>
    [Alias("Add")]
    Task Add(string sessionId);

    /// <summary>SessionGrain: removes a session. Safe to retry.</summary>
    [Alias("Remove")]
    Task Remove(string sessionId);

    /// <summary>Gateway: up to <paramref name="limit"/> sessions in order of creation, behind number <paramref name="afterNumber"/> (0: from the start).</summary>
    [Alias("List")]
    Task<SessionEntry[]> List(long afterNumber, int limit);
}
