using Grpc.Core;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>What the probe service does in one test; a method without a script is unimplemented.</summary>
internal sealed class ProbeScript
{
    public UnaryServerMethod<Note, Note>? Ask { get; init; }

    public ServerStreamingServerMethod<Note, Note>? Listen { get; init; }

    public DuplexStreamingServerMethod<Note, Note>? Talk { get; init; }
}
