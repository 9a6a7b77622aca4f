using System.Text.RegularExpressions;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>Debian's python3-grpcio, which stands on gRPC's C core. Debian puts it where only its own Python looks.</summary>
public sealed partial class PythonClient() : ForeignClient("/usr/bin/python3", "gateway.py")
{
    /// <inheritdoc/>
    public override string? TransportTracer => null;

    /// <inheritdoc/>
    public override string PingTracer => "http_keepalive";

    /// <inheritdoc/>
    public override Regex PingAnswered => Answered();

    /// <summary>None: the C core reads a connection only while a call waits, so that the next call may meet the closed connection before the GOAWAY.</summary>
    public override Regex? GivenUp => null;

    /// <inheritdoc/>
    protected override async Task<string?> WhyNot() =>
        await Try("-c", "import grpc, google.protobuf") == 0 ? null : "/usr/bin/python3 with Debian's python3-grpcio and python3-protobuf is not installed";

    [GeneratedRegex("Finish keepalive ping")]
    private static partial Regex Answered();
}
