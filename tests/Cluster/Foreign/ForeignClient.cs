using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>A gRPC client that is not ours: a script under tests/foreign that plays one case against the gateway and prints what it saw.</summary>
/// <param name="program">What runs the script.</param>
/// <param name="script">Its file name.</param>
public abstract class ForeignClient(string program, string script)
{
    private static readonly string Folder = Path.Combine(Assets.Root, "tests", "foreign");

    /// <summary>Tracers to switch on (<c>GRPC_TRACE</c>) so that the log shows connections being given up.</summary>
    public abstract string? TransportTracer { get; }

    /// <summary>Tracers to switch on so that the log shows pings.</summary>
    public abstract string PingTracer { get; }

    /// <summary>A line of the log for each ping that was answered.</summary>
    public abstract Regex PingAnswered { get; }

    /// <summary>A line of the log for a connection that the server gave up in good order, by GOAWAY without an error; null where a client need not see it.</summary>
    public abstract Regex? GivenUp { get; }

    /// <summary>Plays a case to its end.</summary>
    public async Task<JsonElement> Run(Uri gateway, string name, params string[] arguments)
    {
        using var run = await Start(gateway, name, trace: null, arguments);
        return await run.Result();
    }

    /// <summary>Begins a case that stops at marks, for the test to do something meanwhile. Skips the test where the client is not installed.</summary>
    public async Task<ForeignRun> Start(Uri gateway, string name, string? trace, params string[] arguments)
    {
        if (await WhyNot() is { } reason)
            Assert.Skip(reason);
        return new ForeignRun(Process([script, gateway.Port.ToString(), name, .. arguments], trace));
    }

    /// <summary>What is missing, or null.</summary>
    protected abstract Task<string?> WhyNot();

    /// <summary>The exit code of the program on these arguments; null where there is no such program.</summary>
    protected async Task<int?> Try(params string[] arguments)
    {
        try
        {
            using var process = System.Diagnostics.Process.Start(Process(arguments, trace: null))!;
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // No such program: the caller skips.
            return null;
        }
    }

    /// <summary>Whether a folder lies beside the script.</summary>
    protected static bool HasFolder(string name) => Directory.Exists(Path.Combine(Folder, name));

    private ProcessStartInfo Process(string[] arguments, string? trace)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["PYTHONDONTWRITEBYTECODE"] = "1" },
        };
        if (trace is not null)
            (start.Environment["GRPC_VERBOSITY"], start.Environment["GRPC_TRACE"]) = ("DEBUG", trace);
        return start;
    }
}
