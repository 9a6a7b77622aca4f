namespace QuaRot.Contracts.Sessions;

/// <summary>Whose session it is: a stable id of an API key that is no secret, or nobody where there are no keys.</summary>
public static class SessionOwner
{
    /// <summary>The owner of sessions of a server without API keys.</summary>
    public const string Nobody = "";

    /// <summary>What <see cref="Nobody"/> is called where a name must not be empty; stores of version 0.1 hold it as the owner. No key may have this name.</summary>
    public const string Anonymous = "anonymous";

    /// <summary>The key of the owner's <see cref="ISessionDirectoryGrain"/>.</summary>
    public static string DirectoryKey(string owner) => owner == Nobody ? Anonymous : owner;
}
