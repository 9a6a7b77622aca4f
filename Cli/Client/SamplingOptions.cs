using System.CommandLine;
using QuaRot.Contracts.V1;

namespace QuaRot.Cli.Client;

/// <summary>The sampling options that <c>chat</c>, <c>generate</c> and <c>loadtest</c> share; what is not given is left to the server.</summary>
internal sealed class SamplingOptions
{
    private readonly Option<float?> _temperature = new("--temperature") { Description = "0 is greedy" };
    private readonly Option<uint?> _topK = new("--top-k") { Description = "Keep the k most likely tokens" };
    private readonly Option<float?> _topP = new("--top-p") { Description = "Keep the smallest set whose probability reaches p" };
    private readonly Option<float?> _minP = new("--min-p") { Description = "Drop tokens below p times the most likely one" };
    private readonly Option<float?> _penalty = new("--repetition-penalty") { Description = "Above 1 discourages repetition" };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "The same seed gives the same tokens" };
    private readonly Option<uint?> _maxTokens = new("--max-tokens") { Description = "Longest answer" };
    private readonly Option<string[]> _stop = new("--stop") { Description = "Text that ends the answer; may be repeated" };

    private readonly Option<uint?> _logProbs = new("--logprobs") { Description = "Print the log-probability of each token and of the n most likely ones" };
    private readonly Option<bool> _ignoreEos = new("--ignore-eos") { Description = "Go on behind the model's end token, up to --max-tokens" };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _temperature, _topK, _topP, _minP, _penalty, _seed, _maxTokens, _stop, _logProbs, _ignoreEos })
            command.Add(option);
    }

    public SamplingParameters Read(ParseResult args)
    {
        var sampling = new SamplingParameters();
        if (args.GetValue(_temperature) is { } temperature)
            sampling.Temperature = temperature;
        if (args.GetValue(_topK) is { } topK)
            sampling.TopK = topK;
        if (args.GetValue(_topP) is { } topP)
            sampling.TopP = topP;
        if (args.GetValue(_minP) is { } minP)
            sampling.MinP = minP;
        if (args.GetValue(_penalty) is { } penalty)
            sampling.RepetitionPenalty = penalty;
        if (args.GetValue(_seed) is { } seed)
            sampling.Seed = seed;
        if (args.GetValue(_maxTokens) is { } maxTokens)
            sampling.MaxTokens = maxTokens;
        if (args.GetValue(_logProbs) is { } logProbs)
            sampling.Logprobs = logProbs;
        sampling.IgnoreEos = args.GetValue(_ignoreEos);
        sampling.Stop.AddRange(args.GetValue(_stop) ?? []);
        return sampling;
    }
}
