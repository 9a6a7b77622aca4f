using System.Diagnostics;
using System.Text.Json;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>The gateway driven by @grpc/grpc-js under Node.</summary>
public sealed class NodeClientTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private static readonly string Folder = Path.Combine(Assets.Root, "tests", "foreign");

    private ServedCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await ServedCluster.Start(lexi.Model);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Unary()
    {
        var info = await Run("unary");
        Assert.Equal("lexi-int4", info.GetProperty("name").GetString());
        Assert.Equal(2, info.GetProperty("shards").GetArrayLength());
        Assert.Equal("[44,802,83,16,1554,5]", (await Run("tokenize")).GetProperty("token_ids").GetRawText());
    }

    [Fact]
    public async Task Server_streaming()
    {
        var seen = await Run("chat");
        var first = seen.GetProperty("first");
        Assert.Equal((0, "FINISH_REASON_STOP"), (first.GetProperty("status").GetInt32(), first.GetProperty("finish").GetString()));
        var ids = first.GetProperty("ids").GetArrayLength();
        Assert.Equal(ids, first.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.True(first.GetProperty("messages").GetInt32() > 2, "the answer must come in pieces");
        Assert.Equal(first.GetProperty("text").GetString(), seen.GetProperty("transcript").GetProperty("messages")[1].GetProperty("content").GetString());
    }

    [Fact]
    public async Task Cancellation_in_mid_stream()
    {
        var seen = await Run("cancel");
        Assert.Equal(1, seen.GetProperty("status").GetInt32());
        Assert.InRange(seen.GetProperty("ids").GetArrayLength(), 3, 1999);
    }

    [Fact]
    public async Task Errors_with_their_text()
    {
        var unknown = await Run("error");
        Assert.Equal((5, "session_id: there is no session 'doesnotexist'"), (unknown.GetProperty("code").GetInt32(), unknown.GetProperty("details").GetString()));
        var invalid = (await Run("invalid")).GetProperty("error");
        Assert.Equal((3, "sampling.top_p: is 2; must be above 0 and at most 1"), (invalid.GetProperty("code").GetInt32(), invalid.GetProperty("details").GetString()));
    }

    private async Task<JsonElement> Run(string name)
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules")))
            Assert.Skip("tests/foreign/node_modules is missing: Node and npm are needed to install @grpc/grpc-js");
        var start = new ProcessStartInfo("node", ["gateway.mjs", _cluster.Address.Port.ToString(), Assets.Protos, name])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Start(start);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await error);
        return JsonDocument.Parse(output).RootElement;
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("node is not installed");
            throw;
        }
    }
}
