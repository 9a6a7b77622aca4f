using System.CommandLine;
using QuaRot.Silo;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot silo</c>: one silo of a cluster of several processes.</summary>
internal static class SiloCommand
{
    public static Command Create()
    {
        var command = new Command("silo", "One silo of a cluster of several processes (needs the real Orleans packages)");
        command.SetAction(_ => Run());
        return command;
    }

    // Clustering over processes is Orleans' own work; the stand-in must never pretend to do it.
    private static int Run() => ClusterKind.IsStandIn
        ? throw new CommandException(
            "this build holds the in-process stand-in for Orleans, which cannot form a cluster of several processes. " +
            "Build with the real packages ('make' probes for them; -p:Dependencies=packages), or use 'quarot serve'.")
        : throw new CommandException("clusters of several processes are not configured in this version; use 'quarot serve'.");
}
