using System.Text.Json;
using QuaRot.Checkpoints;
using QuaRot.Cli.Commands;
using QuaRot.Engine.Evaluation;
using Spectre.Console;

namespace QuaRot.Cli.Evaluation;

/// <summary>Prints perplexity and agreement of one model.</summary>
/// <param name="Model">As the user named it.</param>
/// <param name="Config">The model's.</param>
/// <param name="Against">The reference as the user named it, or null.</param>
/// <param name="Text">Name of the text.</param>
/// <param name="Window">Tokens of a window.</param>
/// <param name="Result">What was measured.</param>
/// <param name="Elapsed">How long it took.</param>
internal sealed record PerplexityReport(
    string Model, ModelConfig Config, string? Against, string Text, int Window, QualityResult Result, TimeSpan Elapsed)
{
    private string Protocol => $"begin-of-text + text, {Result.Perplexity.WindowNlls.Count} non-overlapping windows of {Window} tokens, " +
        $"{Result.Perplexity.Predictions} predictions, mean over them";

    public void PrintJson()
    {
        var (q, agreement) = (Config.Quantization, Result.Agreement);
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            model = Model,
            text = Text,
            protocol = Protocol,
            perplexity = Result.Perplexity.Perplexity,
            mean_nll = Result.Perplexity.MeanNll,
            windows = Result.Perplexity.WindowNlls.Count,
            predictions = Result.Perplexity.Predictions,
            against = Against,
            against_perplexity = agreement?.ReferencePerplexity,
            top1_agreement = agreement?.Top1,
            kl_nats = agreement?.MeanDivergence,
            weight_bits = q?.WeightBits ?? 16,
            activation_bits = q?.ActivationBits ?? 16,
            key_bits = q?.KeyBits ?? 16,
            value_bits = q?.ValueBits ?? 16,
            group_size = q?.GroupSize ?? 0,
            activation_group_size = q?.ActivationGroupSize ?? 0,
            rotate = q?.Rotate ?? false,
            weight_clip_search = q?.WeightClipSearch ?? false,
            seed = q?.Seed ?? 0,
            seconds = Elapsed.TotalSeconds,
        }));
    }

    public void PrintTable()
    {
        var q = Config.Quantization;
        Console.WriteLine($"Protocol: {Protocol}");
        var table = new Table().AddColumns("model", "bits W/A/K/V", "rotated", "perplexity", "nats", "seconds");
        table.AddRow(
            Markup.Escape(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Model)))),
            q is null ? "16/16/16/16" : $"{q.WeightBits}/{q.ActivationBits}/{q.KeyBits}/{q.ValueBits}",
            q?.Rotate == true ? "yes" : "no",
            $"{Result.Perplexity.Perplexity:0.000}", $"{Result.Perplexity.MeanNll:0.00000}", $"{Elapsed.TotalSeconds:0.0}");
        Terminal.Out.Write(table);
        if (Result.Agreement is { } agreement)
        {
            Console.WriteLine($"Against {Against}, perplexity {agreement.ReferencePerplexity:0.000}: the same most likely token at {agreement.Top1:P1} of " +
                $"{agreement.Predictions} positions; mean KL divergence of the next token's distribution {agreement.MeanDivergence:0.00000} nats.");
        }
    }
}
