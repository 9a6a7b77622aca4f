using System.Text;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.V1;

namespace QuaRot.Gateway.Validation;

/// <summary>Checks sampling parameters and fills in the defaults that quarot.proto states.</summary>
internal static class SamplingValidator
{
    private const int MaxStops = 16;
    private const int MaxStopBytes = 256;
    private const uint MaxLogProbs = 20;

    public static TurnSampling Check(SamplingParameters? p, int vocabSize, string prefix = "sampling.")
    {
        if (p is null)
            return new TurnSampling();
        if (p.HasTopK && p.TopK > vocabSize)
            throw Field.Invalid(prefix + "top_k", $"is {p.TopK}; the vocabulary has {vocabSize} tokens");
        if (p.HasMaxTokens && p.MaxTokens is 0 or > int.MaxValue)
            throw Field.Invalid(prefix + "max_tokens", $"is {p.MaxTokens}; must be at least 1 and at most {int.MaxValue}");
        if (p.HasLogprobs && p.Logprobs > MaxLogProbs)
            throw Field.Invalid(prefix + "logprobs", $"is {p.Logprobs}; must be at most {MaxLogProbs}");
        CheckStops(p.Stop, prefix);

        var defaults = new TurnSampling();
        return new TurnSampling
        {
            Temperature = p.HasTemperature ? InRange(prefix + "temperature", p.Temperature, 0, 100) : defaults.Temperature,
            TopK = p.HasTopK ? (int)p.TopK : defaults.TopK,
            TopP = p.HasTopP ? InRange(prefix + "top_p", p.TopP, float.Epsilon, 1) : defaults.TopP,
            MinP = p.HasMinP ? InRange(prefix + "min_p", p.MinP, 0, 1) : defaults.MinP,
            RepetitionPenalty = p.HasRepetitionPenalty
                ? InRange(prefix + "repetition_penalty", p.RepetitionPenalty, 0.01f, 10) : defaults.RepetitionPenalty,
            Seed = p.HasSeed ? p.Seed : null,
            Stop = [.. p.Stop],
            MaxTokens = p.HasMaxTokens ? (int)p.MaxTokens : defaults.MaxTokens,
            LogProbs = p.HasLogprobs ? (int)p.Logprobs : defaults.LogProbs,
            IgnoreEos = p.IgnoreEos,
        };
    }

    private static float InRange(string field, float value, float min, float max)
    {
        if (float.IsFinite(value) && value >= min && value <= max)
            return value;
        var lower = min == float.Epsilon ? "above 0" : $"at least {min}";
        throw Field.Invalid(field, $"is {value}; must be {lower} and at most {max}");
    }

    private static void CheckStops(IReadOnlyList<string> stops, string prefix)
    {
        if (stops.Count > MaxStops)
            throw Field.Invalid(prefix + "stop", $"has {stops.Count} texts; at most {MaxStops} are allowed");
        for (var i = 0; i < stops.Count; i++)
        {
            if (stops[i].Length == 0)
                throw Field.Invalid($"{prefix}stop[{i}]", "is empty");
            if (Encoding.UTF8.GetByteCount(stops[i]) > MaxStopBytes)
                throw Field.Invalid($"{prefix}stop[{i}]", $"is longer than {MaxStopBytes} bytes");
        }
    }
}
