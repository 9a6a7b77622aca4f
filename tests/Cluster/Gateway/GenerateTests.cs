using Grpc.Core;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>Generation through the port of a two-shard W4A4KV4 cluster.</summary>
public sealed class GenerateTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private ServedCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await ServedCluster.Start(lexi.Model);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Max_tokens_ends_an_answer_with_length()
    {
        var answer = await _cluster.Client.Continue("The Linux kernel is", new SamplingParameters { Temperature = 0, MaxTokens = 7 });
        Assert.Equal(7, answer.Ids.Length);
        Assert.Equal(FinishReason.Length, answer.Reason);
        Assert.Equal((5u, 7u), (answer.Usage!.PromptTokens, answer.Usage.CompletionTokens));
    }

    [Fact]
    public async Task The_text_is_the_detokenized_ids()
    {
        var answer = await _cluster.Client.Continue("In the beginning", new SamplingParameters { Seed = 5, MaxTokens = 60 });
        var request = new DetokenizeRequest { SkipSpecial = true };
        request.TokenIds.AddRange(answer.Ids.Select(id => (uint)id));
        Assert.Equal((await _cluster.Client.DetokenizeAsync(request)).Text, answer.Text);
    }

    [Fact]
    public async Task A_drawn_seed_is_reported_and_repeats_the_answer()
    {
        var first = await _cluster.Client.Continue("A database is", new SamplingParameters { MaxTokens = 24 });
        var again = await _cluster.Client.Continue("A database is", new SamplingParameters { MaxTokens = 24, Seed = first.Started!.Seed });
        Assert.Equal(first.Ids, again.Ids);
        var other = await _cluster.Client.Continue("A database is", new SamplingParameters { MaxTokens = 24, Seed = first.Started!.Seed + 1 });
        Assert.NotEqual(first.Ids, other.Ids);
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer_before_it()
    {
        var sampling = new SamplingParameters { Temperature = 0, MaxTokens = 64 };
        var whole = await _cluster.Client.Continue("The Linux kernel is", sampling);
        var stop = whole.Text.Substring(whole.Text.Length / 2, 5);
        sampling.Stop.Add(stop);
        var cut = await _cluster.Client.Continue("The Linux kernel is", sampling);
        Assert.Equal(FinishReason.StopString, cut.Reason);
        Assert.Equal(whole.Text[..whole.Text.IndexOf(stop, StringComparison.Ordinal)], cut.Text);
        Assert.Equal(whole.Ids[..cut.Ids.Length], cut.Ids);
    }

    [Fact]
    public async Task The_end_token_ends_the_answer_unless_it_is_ignored()
    {
        const string Prompt = "<|user|>\nDefine \"brave\".<|end|>\n<|assistant|>\n";
        var ended = await _cluster.Client.Continue(Prompt, new SamplingParameters { Temperature = 0, MaxTokens = 200 });
        Assert.Equal(FinishReason.Stop, ended.Reason);
        var sampling = new SamplingParameters { Temperature = 0, MaxTokens = (uint)ended.Ids.Length + 5, IgnoreEos = true };
        var ignored = await _cluster.Client.Continue(Prompt, sampling);
        Assert.Equal((FinishReason.Length, ended.Ids.Length + 5), (ignored.Reason, ignored.Ids.Length));
        Assert.Equal(ended.Ids, ignored.Ids[..ended.Ids.Length]);
    }

    [Fact]
    public async Task Log_probabilities_come_when_asked_for()
    {
        var answer = await _cluster.Client.Continue("My fellow citizens", new SamplingParameters { Temperature = 0, MaxTokens = 5, Logprobs = 3 });
        Assert.Equal(5, answer.LogProbs.Length);
        for (var i = 0; i < 5; i++)
        {
            var p = answer.LogProbs[i];
            Assert.Equal(3, p.Top.Count);
            Assert.Equal(answer.Ids[i], (int)p.Top[0].TokenId);
            Assert.Equal(p.Logprob, p.Top[0].Logprob);
            Assert.True(p.Logprob <= 0 && p.Top[1].Logprob >= p.Top[2].Logprob);
        }

        Assert.Empty((await _cluster.Client.Continue("My", new SamplingParameters { MaxTokens = 1 })).LogProbs);
    }

    [Fact]
    public async Task A_repetition_penalty_changes_what_repeats()
    {
        var plain = await _cluster.Client.Continue("The Linux kernel is", new SamplingParameters { Temperature = 0, MaxTokens = 48 });
        var varied = await _cluster.Client.Continue(
            "The Linux kernel is", new SamplingParameters { Temperature = 0, MaxTokens = 48, RepetitionPenalty = 1.5f });
        Assert.True(varied.Ids.Distinct().Count() > plain.Ids.Distinct().Count());
    }

    [Fact]
    public async Task An_answer_that_fills_the_context_says_so()
    {
        await using var small = await ServedCluster.Start(lexi.Model, kvTokens: 64);
        var answer = await small.Client.Continue("The Linux kernel is", new SamplingParameters { Temperature = 0, MaxTokens = 500 });
        Assert.Equal(FinishReason.Context, answer.Reason);
        Assert.Equal(64, (int)(answer.Usage!.PromptTokens + answer.Usage.CompletionTokens));
    }

    [Fact]
    public async Task Token_ids_are_taken_as_they_are()
    {
        var sampling = new SamplingParameters { Temperature = 0, MaxTokens = 8 };
        var byText = await _cluster.Client.Continue("The Linux kernel is", sampling);
        var request = new GenerateRequest { TokenIds = new TokenIds(), Sampling = sampling };
        request.TokenIds.Ids.AddRange([0, 439, 2208, 1835, 305]);
        using var call = _cluster.Client.Generate(request);
        Assert.Equal(byText.Ids, (await Answer.Read(call)).Ids);
    }

    [Fact]
    public async Task A_deadline_ends_a_long_answer()
    {
        using var call = _cluster.Client.Generate(
            new GenerateRequest { Prompt = "The", Sampling = new SamplingParameters { Temperature = 3, Seed = 1, MaxTokens = 2000 } },
            deadline: DateTime.UtcNow.AddMilliseconds(100));
        var error = await Assert.ThrowsAsync<RpcException>(() => Answer.Read(call));
        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
    }
}
