using System.Diagnostics;
using System.Text.Json;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>The gateway driven by Debian's python3-grpcio, which stands on gRPC's C core.</summary>
public sealed class PythonClientTests(QuantizedLexi lexi) : IAsyncLifetime
{
    /// <summary>Debian puts the module where only its own Python looks.</summary>
    private const string Python = "/usr/bin/python3";

    private ServedCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await ServedCluster.Start(lexi.Model);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Unary_and_health()
    {
        Assert.Contains("[1, \"lexi-int4\"]", (await Run("unary")).GetProperty("fields").GetRawText(), StringComparison.Ordinal);
        Assert.Equal("[[1, 1]]", (await Run("health")).GetProperty("fields").GetRawText());
    }

    [Fact]
    public async Task A_stream_is_the_same_plain_and_compressed()
    {
        var (plain, zipped) = (await Run("stream"), await Run("gzip"));
        Assert.Equal(0, Code(plain));
        Assert.True(plain.GetProperty("messages").GetInt32() > 2, "the answer must come in pieces");
        Assert.NotEqual("", plain.GetProperty("text").GetString());
        Assert.Equal(plain.GetRawText(), zipped.GetRawText());
    }

    [Fact]
    public async Task Deadline_and_cancellation()
    {
        Assert.Equal(4, Code(await Run("deadline")));
        var cancelled = await Run("cancel");
        Assert.Equal((1, 3), (Code(cancelled), cancelled.GetProperty("messages").GetInt32()));
    }

    [Fact]
    public async Task Unknown_methods_and_services()
    {
        var seen = await Run("unknown");
        Assert.Equal((12, 12), (Code(seen.GetProperty("method")), Code(seen.GetProperty("service"))));
    }

    [Fact]
    public async Task Errors_with_their_text()
    {
        var unknown = await Run("error");
        Assert.Equal((5, "session_id: there is no session 'doesnotexist'"), (Code(unknown), unknown.GetProperty("details").GetString()));

        // Grpc.AspNetCore parses a message before any interceptor sees the call, and answers what does not parse by UNKNOWN.
        Assert.Equal(2, Code(await Run("malformed")));
        Assert.Equal(8, Code(await Run("oversized")));
    }

    private static int Code(JsonElement seen) => seen.GetProperty("code").GetInt32();

    private async Task<JsonElement> Run(string name)
    {
        if (!File.Exists(Python) || await Exit(Start(["-c", "import grpc"])) != 0)
            Assert.Skip($"{Python} with Debian's python3-grpcio is not installed");
        using var process = Start(["gateway.py", _cluster.Address.Port.ToString(), name]);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.True(await Exit(process) == 0, await error);
        return JsonDocument.Parse(output).RootElement;
    }

    private static Process Start(string[] arguments) => Process.Start(new ProcessStartInfo(Python, arguments)
    {
        WorkingDirectory = Path.Combine(Assets.Root, "tests", "foreign"),
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static async Task<int> Exit(Process process)
    {
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }
}
