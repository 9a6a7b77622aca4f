using System.Globalization;
using System.Text.Json;
using QuaRot.Checkpoints;
using QuaRot.Engine.Evaluation.Table;

namespace QuaRot.Cli.Evaluation;

/// <summary>Prints the quality table: Markdown row by row as they come, or JSON at the end.</summary>
internal sealed class TableReport(string model, string text, string device, TableOptions options)
{
    private readonly List<RowResult> _results = [];

    private string Protocol => $"begin-of-text + text, non-overlapping windows of {options.Protocol.WindowTokens} tokens, at most {options.Protocol.MaxWindows}; " +
        $"rotated rows are the median of {options.Seeds.Count} seed{(options.Seeds.Count == 1 ? "" : "s")}; agreement over the first {options.ComparedWindows} windows";

    public void PrintHeader()
    {
        Console.WriteLine($"Model {model}, text {text}, device {device}. Protocol: {Protocol}. Weight scales {(options.WeightClipSearch ? "searched" : "from the largest weight")}.");
        Console.WriteLine();
        Console.WriteLine("| row | format | weights | rotated | perplexity | nats lost | same top token | KL, nats | each seed |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
    }

    public void Add(RowResult result, bool print)
    {
        _results.Add(result);
        if (print)
            Console.WriteLine(Line(result));
    }

    public void PrintJson() => Console.WriteLine(JsonSerializer.Serialize(new
    {
        model,
        text,
        device,
        protocol = Protocol,
        weight_clip_search = options.WeightClipSearch,
        rows = _results.Select(Json),
    }));

    private string Line(RowResult result)
    {
        var (row, median) = (result.Row, result.Median);
        var head = $"| {row?.Id ?? "fp16"} | {row?.Name ?? "FP16"} | {Or(row?.Method, "–")} | {(row?.Options.Rotate == true ? "yes" : "no")}";
        if (median is null)
            return $"{head} | not possible: {result.Problem} | | | | |";
        var lost = row is null ? "–" : Number(median.MeanNll - _results[0].Median!.MeanNll, "0.0000");
        var agreement = row is null ? null : median.Agreement;
        var seeds = result.Seeds.Count > 1 ? string.Join(' ', result.Seeds.Select(seed => Number(seed.Perplexity, "0.00"))) : "";
        return $"{head} | {Number(median.Perplexity, "0.00")} | {lost} | {Or(agreement?.Top1.ToString("P1", CultureInfo.InvariantCulture), "–")} | " +
            $"{(agreement is null ? "–" : Number(agreement.MeanDivergence, "0.0000"))} | {seeds} |";
    }

    private static object Json(RowResult result)
    {
        var (row, median) = (result.Row, result.Median);
        var q = row?.Options ?? new QuantizationConfig { WeightBits = 16, ActivationBits = 16, KeyBits = 16, ValueBits = 16, Rotate = false };
        return new
        {
            id = row?.Id ?? "fp16",
            section = row?.Section ?? "main",
            name = row?.Name ?? "FP16",
            method = Or(row?.Method, null!),
            weight_bits = q.WeightBits,
            activation_bits = q.ActivationBits,
            key_bits = q.KeyBits,
            value_bits = q.ValueBits,
            group_size = q.GroupSize,
            activation_group_size = q.ActivationGroupSize,
            rotate = q.Rotate,
            perplexity = median?.Perplexity,
            mean_nll = median?.MeanNll,
            top1_agreement = median?.Agreement?.Top1,
            kl_nats = median?.Agreement?.MeanDivergence,
            seeds = result.Seeds.Select(seed => new { seed = seed.Seed, perplexity = seed.Perplexity, top1_agreement = seed.Agreement?.Top1, kl_nats = seed.Agreement?.MeanDivergence }),
            seconds = result.Elapsed.TotalSeconds,
            problem = result.Problem,
        };
    }

    private static string Or(string? text, string other) => string.IsNullOrEmpty(text) ? other : text;

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
