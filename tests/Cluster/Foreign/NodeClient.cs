using System.Text.RegularExpressions;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>@grpc/grpc-js under Node, from the lock file of tests/foreign.</summary>
public sealed partial class NodeClient() : ForeignClient("node", "gateway.mjs")
{
    /// <inheritdoc/>
    public override string? TransportTracer => "transport";

    /// <inheritdoc/>
    public override string PingTracer => "keepalive";

    /// <inheritdoc/>
    public override Regex PingAnswered => Answered();

    /// <inheritdoc/>
    public override Regex? GivenUp => Goaway();

    /// <inheritdoc/>
    protected override async Task<string?> WhyNot() => await Try("--version") != 0 ? "node is not installed"
        : HasFolder("node_modules") ? null : "tests/foreign/node_modules is missing: npm is needed to install @grpc/grpc-js";

    [GeneratedRegex("Received ping response")]
    private static partial Regex Answered();

    [GeneratedRegex("connection closed by GOAWAY with code 0 ")]
    private static partial Regex Goaway();
}
