using QuaRot.Checkpoints;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;
using QuaRot.Engine.Evaluation;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>The quality that `quarot eval` measures is the quality that is served.</summary>
public sealed class ScoredLogProbsTests(QuantizedLexi lexi)
{
    [Fact]
    public async Task Served_log_probabilities_are_those_of_evals_scorer()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var cluster = await ServedCluster.Start(lexi.Model);
        const string Prompt = "The Linux kernel is";
        var answer = await cluster.Client.Continue(Prompt, new SamplingParameters { Temperature = 0.8f, Seed = 3, MaxTokens = 100, Logprobs = 1 });
        var prompt = (await cluster.Client.TokenizeAsync(new TokenizeRequest { Text = Prompt, AddBos = true }, cancellationToken: cancellation)).TokenIds;
        int[] tokens = [.. prompt.Select(id => (int)id), .. answer.Ids];
        Assert.Equal((int)answer.Usage!.PromptTokens, prompt.Count);
        Assert.True(answer.Ids.Length > 64, $"{answer.Ids.Length} tokens do not reach a second KV page");

        using var checkpoint = Checkpoint.Open(lexi.Model);
        using var backend = BackendRegistry.Create("auto");
        using var stage = StageLoader.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, KvLayout.PagesFor(tokens.Length));
        var scored = new WindowScorer(stage).NegativeLogLikelihoods(tokens);

        // The logits are the same bits, two shards and decoding or not; the two sums over the vocabulary differ in their exponential alone.
        for (var i = 0; i < answer.Ids.Length; i++)
            Assert.Equal(-scored[prompt.Count - 1 + i], answer.LogProbs[i].Logprob, 1e-4);
    }
}
