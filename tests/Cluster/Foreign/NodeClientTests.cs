using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>The gateway driven by @grpc/grpc-js under Node.</summary>
public sealed class NodeClientTests(ServedLexi served, QuantizedLexi lexi) : ForeignClientTests(new NodeClient(), served, lexi), IClassFixture<ServedLexi>;
