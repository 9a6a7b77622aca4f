using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>The gateway driven by Debian's python3-grpcio.</summary>
public sealed class PythonClientTests(ServedLexi served, QuantizedLexi lexi) : ForeignClientTests(new PythonClient(), served, lexi), IClassFixture<ServedLexi>;
