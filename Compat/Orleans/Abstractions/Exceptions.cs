namespace Orleans.Runtime
{
    /// <summary>Base of the runtime's own exceptions.</summary>
    [GenerateSerializer]
    public class OrleansException(string message) : Exception(message);

    /// <summary>A call was not delivered.</summary>
    [GenerateSerializer]
    public class OrleansMessageRejectionException : OrleansException
    {
        internal OrleansMessageRejectionException(string message)
            : base(message)
        {
        }
    }

    /// <summary>The silo a call ran on, or should have run on, is gone. Whether the call had its effect is unknown.</summary>
    [GenerateSerializer]
    public sealed class SiloUnavailableException(string msg) : OrleansMessageRejectionException(msg);

    /// <summary>The options or registrations of a silo or client contradict one another.</summary>
    [GenerateSerializer]
    public sealed class OrleansConfigurationException(string message) : Exception(message);

    /// <summary>The grain no longer knows an enumeration: it was deactivated since, or the enumerator idled for too long.</summary>
    [GenerateSerializer]
    public sealed class EnumerationAbortedException(string message) : Exception(message);
}

namespace Orleans.Storage
{
    /// <summary>A grain asks for a storage provider that nobody registered.</summary>
    [GenerateSerializer]
    public sealed class BadProviderConfigException(string message) : Runtime.OrleansException(message);

    /// <summary>Somebody else wrote the state since it was read. Escaping a call, it deactivates the activation.</summary>
    [GenerateSerializer]
    public class InconsistentStateException(string errorMsg, string? storedEtag, string? currentEtag) : Runtime.OrleansException(errorMsg)
    {
        public InconsistentStateException(string message)
            : this(message, null, null)
        {
        }

        /// <summary>The ETag that storage holds.</summary>
        [Id(1)]
        public string? StoredEtag { get; private set; } = storedEtag;

        /// <summary>The ETag that the writer held.</summary>
        [Id(2)]
        public string? CurrentEtag { get; private set; } = currentEtag;

        /// <summary>Whether the activation whose call it escapes threw it: a caller further up is not deactivated for it.</summary>
        [Id(0)]
        internal bool IsSourceActivation { get; set; } = true;
    }
}
