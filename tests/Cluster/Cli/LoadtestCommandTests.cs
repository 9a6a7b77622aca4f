using System.Text.Json;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Cli;

/// <summary>`quarot loadtest` against `quarot serve`.</summary>
public sealed class LoadtestCommandTests(QuantizedLexi lexi) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_counts_every_token_of_every_answer()
    {
        using var quarot = QuarotProcess.Start("serve", lexi.Model, "--port", "0", "--data", _folder["data"]);
        var address = await quarot.ReadAddress();
        var (code, output, error) = await QuarotProcess.Run(
            "loadtest", "--address", address, "--streams", "1", "3", "--rounds", "2", "--max-tokens", "20", "--ignore-eos", "--json", _folder["figures.json"]);
        Assert.True(code == 0, error);
        Assert.Contains("tok/s all", output, StringComparison.Ordinal);
        using var figures = JsonDocument.Parse(await File.ReadAllTextAsync(_folder["figures.json"], TestContext.Current.CancellationToken));
        Assert.Equal([(1, 40), (3, 120)], figures.RootElement.EnumerateArray().Select(row => (row.GetProperty("streams").GetInt32(), row.GetProperty("tokens").GetInt32())));
        Assert.All(figures.RootElement.EnumerateArray(), row =>
        {
            var (first, worst) = (row.GetProperty("first_token_milliseconds").GetDouble(), row.GetProperty("worst_first_token_milliseconds").GetDouble());
            Assert.True(first > 0 && worst >= first && row.GetProperty("tokens_per_second_of_one").GetDouble() > 0 && row.GetProperty("tokens_per_second").GetDouble() > 0, row.ToString());
        });
        await quarot.Signal("TERM");
        await quarot.Finish();
    }

    [Fact]
    public async Task What_cannot_be_measured_is_a_clear_error()
    {
        Assert.Equal((1, "quarot: --rounds: is 0; must be at least 1\n"), await Failing("--rounds", "0"));
        Assert.Equal((1, "quarot: --streams: is 0; must be at least 1\n"), await Failing("--streams", "4", "0"));
        var (code, error) = await Failing("--address", "127.0.0.1:9");
        Assert.Equal(1, code);
        Assert.StartsWith("quarot: Unavailable: ", error, StringComparison.Ordinal);

        static async Task<(int Code, string Error)> Failing(params string[] arguments)
        {
            var (code, _, error) = await QuarotProcess.Run(["loadtest", .. arguments]);
            return (code, error);
        }
    }
}
