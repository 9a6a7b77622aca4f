using System.Globalization;
using System.Text.Json;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Cli;

/// <summary><c>quarot eval</c> and <c>quarot inspect</c> as a user runs them.</summary>
public sealed class EvaluationCommandTests(QuantizedLexi lexi) : IDisposable
{
    private static readonly string[] Short = ["--windows", "1", "--window", "64", "--device", "cpu"];

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_model_agrees_with_itself_and_four_bits_agree_less()
    {
        var same = await Json(["eval", Assets.Lexi, "--against", Assets.Lexi, "--json", .. Short]);
        Assert.Equal((1.0, 0.0), (same.GetProperty("top1_agreement").GetDouble(), same.GetProperty("kl_nats").GetDouble()));
        Assert.Equal(same.GetProperty("perplexity").GetDouble(), same.GetProperty("against_perplexity").GetDouble(), 1e-4);
        var four = await Json(["eval", lexi.Model, "--against", Assets.Lexi, "--json", .. Short]);
        Assert.InRange(four.GetProperty("top1_agreement").GetDouble(), 0.2, 0.95);
        Assert.InRange(four.GetProperty("kl_nats").GetDouble(), 0.01, 2);
    }

    [Fact]
    public async Task The_table_has_its_rows_and_leaves_nothing_behind()
    {
        var (code, output, error) = await QuarotProcess.Run(
            ["eval", "--table", Assets.Lexi, "--rows", "int4-rtn,k4v4", "--seeds", "1", "--no-clip-search", "--work", _folder["work"], .. Short]);
        Assert.True(code == 0, error);
        string[] rows = [.. output.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Select(line => line.Split('|')[1].Trim())];
        Assert.Equal(["row", "fp16", "int4-rtn", "k4v4"], rows);
        Assert.Empty(Directory.GetFileSystemEntries(_folder["work"]));

        var json = await Json(["eval", "--table", Assets.Lexi, "--rows", "int4-rtn", "--seeds", "1", "--no-clip-search", "--work", _folder["work"], "--json", .. Short]);
        var perplexity = json.GetProperty("rows")[1].GetProperty("perplexity").GetDouble();
        Assert.Contains($"| {perplexity.ToString("0.00", CultureInfo.InvariantCulture)} |", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_shows_that_rotation_takes_the_outliers_away()
    {
        var json = await Json("inspect", Assets.Lexi, "--tokens", "64", "--device", "cpu", "--json", "--svg", _folder["plot.svg"], "--html", _folder["page.html"]);
        Assert.Equal(6, json.GetProperty("layers").GetArrayLength());
        foreach (var layer in json.GetProperty("layers").EnumerateArray())
        {
            var site = layer.GetProperty("down_input");
            Assert.InRange(site.GetProperty("before").GetProperty("mean").GetDouble(), 8, 40);
            Assert.InRange(site.GetProperty("after").GetProperty("mean").GetDouble(), 2.5, 5);
        }

        var svg = System.Xml.Linq.XDocument.Load(_folder["plot.svg"]);
        Assert.Equal(6 * 2 * 24, svg.Descendants().Count(element => element.Name.LocalName == "path"));
        Assert.Contains("<svg", await File.ReadAllTextAsync(_folder["page.html"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_measured_is_one_clear_line()
    {
        await File.WriteAllTextAsync(_folder["short.txt"], "Too short.", TestContext.Current.CancellationToken);
        await Fails("--text: nowhere.txt: there is no such file", "eval", Assets.Lexi, "--text", "nowhere.txt");
        await Fails("--text: short.txt has 5 tokens, less than one window of 1024", "eval", Assets.Lexi, "--text", _folder["short.txt"]);
        await Fails("--text: short.txt has 5 tokens; at least 16 are needed", "inspect", Assets.Lexi, "--text", _folder["short.txt"]);
        await Fails("--text: short.txt has no passage of two sentences and 40 words", "eval", Assets.Lexi, "--task", "last-word", "--text", _folder["short.txt"]);
        await Fails("--window: is 4096; the model's context takes 2 to 2048", "eval", Assets.Lexi, "--window", "4096");
        await Fails($"MODEL: {lexi.Model} is quantized already (W4A4K4V4); the unquantized model is needed", "inspect", lexi.Model);
        await Fails($"MODEL: {lexi.Model} is quantized already (W4A4K4V4); the unquantized model is needed", "eval", "--table", lexi.Model);
        await Fails($"--against: {lexi.Model} is quantized already (W4A4K4V4); the unquantized model is needed", "eval", Assets.Lexi, "--against", lexi.Model);
        await Fails("--rows: goes only with --table", "eval", Assets.Lexi, "--rows", "kv");
        await Fails("--against: does not go with --table", "eval", "--table", Assets.Lexi, "--against", Assets.Lexi);
        await Fails("--methods: there is no 'awq'; there are rtn, gptq", "eval", "--table", Assets.Lexi, "--methods", "awq");
        await Fails("--rows: there is no row or section 'int5'; sections: main, ", "eval", "--table", Assets.Lexi, "--rows", "int5");
        await Fails("--task: there is no 'first-word'; there is last-word", "eval", Assets.Lexi, "--task", "first-word");
        await Fails($"--svg: there is no folder {_folder["none"]}", "inspect", Assets.Lexi, "--svg", Path.Combine(_folder["none"], "plot.svg"));
    }

    [Fact]
    public async Task Weights_that_are_not_finite_are_named()
    {
        var model = Directory.CreateDirectory(_folder["nan"]).FullName;
        foreach (var file in Directory.GetFiles(Assets.Lexi))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        await using (var weights = new FileStream(Path.Combine(model, "model.safetensors"), FileMode.Open))
        {
            // The last element of the last tensor: FP16 with all bits of its exponent set.
            weights.Position = weights.Length - 2;
            await weights.WriteAsync(new byte[] { 0xFF, 0x7F }, TestContext.Current.CancellationToken);
        }

        foreach (string[] command in (string[][])[["inspect", model], ["eval", model, .. Short], ["eval", "--table", model, .. Short]])
        {
            var (code, _, error) = await QuarotProcess.Run([.. command, "--text", Path.Combine(Assets.Root, "assets", "eval.txt")]);
            Assert.Equal(1, code);
            Assert.Matches($@"^quarot: {System.Text.RegularExpressions.Regex.Escape(model)}.*model\.safetensors: .*(NaN|not finite)", error);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
    }

    public void Dispose() => _folder.Dispose();

    private static async Task Fails(string expected, params string[] arguments)
    {
        var (code, output, error) = await QuarotProcess.Run(arguments);
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith($"quarot: {expected}", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private static async Task<JsonElement> Json(params string[] arguments)
    {
        var (code, output, error) = await QuarotProcess.Run(arguments);
        Assert.True(code == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }
}
