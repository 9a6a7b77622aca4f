namespace QuaRot.Engine.Pipeline;

/// <summary>A stage behind the lead was lost, or what it holds is unknown: no KV on the replica can be relied on. The scheduler prefills everything anew.</summary>
/// <param name="cause">What happened to the stage.</param>
public sealed class KvLostException(Exception cause) : Exception($"A stage of the replica was lost: {cause.Message}", cause);
