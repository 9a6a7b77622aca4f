using Grpc.Core;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;
using QuaRot.Contracts.Vllm;
using Chunk = QuaRot.Contracts.Vllm.GenerateResponse;
using ModelInfoRequest = QuaRot.Contracts.Vllm.GetModelInfoRequest;
using Request = QuaRot.Contracts.Vllm.GenerateRequest;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>The engine protocol of vLLM's gRPC server, as a router speaks it.</summary>
public sealed class VllmEngineTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private const string Prompt = "The Linux kernel is";

    private ServedCluster _cluster = null!;
    private VllmEngine.VllmEngineClient _engine = null!;

    public static TheoryData<string, Request> Refused() => new()
    {
        { "text: neither text nor tokenized is set", new Request() },
        { "text: is empty", new Request { Text = "" } },
        { "tokenized.input_ids: is empty", new Request { Tokenized = new TokenizedInput() } },
        { "tokenized.input_ids[1]: is 8192; the vocabulary has 8192 tokens", new Request { Tokenized = new TokenizedInput { InputIds = { 1, 8192 } } } },
        { "kv_transfer_params: is set; this server does not support KV transfer between servers", new Request { Text = "a", KvTransferParams = new() } },
        { "kv_transfer_params_json: is set", new Request { Text = "a", KvTransferParamsJson = "" } },
        { "mm_inputs: is set; this server does not support images and video", new Request { Text = "a", MmInputs = new() } },
        { "data_parallel_rank: is set; this server does not support ranks other than 0", new Request { Text = "a", DataParallelRank = 1 } },
        { "sampling_params.temperature: is -1; must be at least 0", With(new() { Temperature = -1 }) },
        { "sampling_params.top_p: is 2; must be above 0 and at most 1", With(new() { TopP = 2 }) },
        { "sampling_params.top_k: is 9000; the vocabulary has 8192 tokens", With(new() { TopK = 9000 }) },
        { "sampling_params.max_tokens: is 0", With(new() { MaxTokens = 0 }) },
        { "sampling_params.stop[0]: is empty", With(new() { Stop = { "" } }) },
        { "sampling_params.stop_token_ids[0]: is 8192", With(new() { StopTokenIds = { 8192 } }) },
        { "sampling_params.frequency_penalty: is set; this server does not support it", With(new() { FrequencyPenalty = 0.5f }) },
        { "sampling_params.presence_penalty: is set", With(new() { PresencePenalty = 0.5f }) },
        { "sampling_params.min_tokens: is set", With(new() { MinTokens = 1 }) },
        { "sampling_params.n: is set; this server does not support parallel samples", With(new() { N = 2 }) },
        { "sampling_params.logprobs: is -1; must be at least 0", With(new() { Logprobs = -1 }) },
        { "sampling_params.logprobs: is 21; must be at most 20", With(new() { Logprobs = 21 }) },
        { "sampling_params.prompt_logprobs: is set", With(new() { PromptLogprobs = 0 }) },
        { "sampling_params.include_stop_str_in_output: is set", With(new() { IncludeStopStrInOutput = true }) },
        { "sampling_params.logit_bias: is set", With(new() { LogitBias = { { 1, 2f } } }) },
        { "sampling_params.truncate_prompt_tokens: is set", With(new() { TruncatePromptTokens = 0 }) },
        { "sampling_params.json_schema: is set; this server does not support structured outputs", With(new() { JsonSchema = "{}" }) },
        { "sampling_params.choice: is set", With(new() { Choice = new ChoiceConstraint() }) },
    };

    public async ValueTask InitializeAsync()
    {
        _cluster = await ServedCluster.Start(lexi.Model);
        _engine = new VllmEngine.VllmEngineClient(_cluster.Channel);
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Text_and_ids_streamed_and_whole_give_the_tokens_of_the_own_api()
    {
        var expected = await _cluster.Client.Continue(Prompt, new SamplingParameters { Temperature = 0.9f, TopP = 0.9f, Seed = 7, MaxTokens = 12, Logprobs = 2 });
        uint[] ids = [.. expected.Ids.Select(id => (uint)id)];
        var sampling = new SamplingParams { Temperature = 0.9f, TopP = 0.9f, Seed = 7, MaxTokens = 12, Logprobs = 2, SkipSpecialTokens = true };
        foreach (var request in new[]
        {
            new Request { Text = Prompt, SamplingParams = sampling },
            new Request { Tokenized = new TokenizedInput { OriginalText = "for reference", InputIds = { 0, 439, 2208, 1835, 305 } }, SamplingParams = sampling },
        })
        {
            var whole = Assert.Single(await Read(request)).Complete;
            Assert.Equal(ids, whole.OutputIds);
            Assert.Equal(("length", 5u, 12u), (whole.FinishReason, whole.PromptTokens, whole.CompletionTokens));
            Assert.Equal(expected.LogProbs.Select(p => p.Logprob), whole.OutputLogprobs.TokenLogprobs);
            Assert.Equal(expected.LogProbs[3].Top.Select(t => t.TokenId), whole.OutputLogprobs.TopLogprobs[3].TokenIds);

            var streamed = await Read(new Request(request) { Stream = true });
            Assert.All(streamed.SkipLast(1), m => Assert.Equal((uint)m.Chunk.TokenIds.Count, m.Chunk.CompletionTokens));
            Assert.Equal(ids, streamed.SkipLast(1).SelectMany(m => m.Chunk.TokenIds));
            Assert.Equal(whole, streamed[^1].Complete);
        }
    }

    [Fact]
    public async Task What_ended_the_answer_is_said()
    {
        var greedy = await _cluster.Client.Continue(Prompt, new SamplingParameters { Temperature = 0, MaxTokens = 40 });
        var stop = greedy.Text.Substring(greedy.Text.Length / 2, 5);
        var byText = Assert.Single(await Read(With(new() { Temperature = 0, MaxTokens = 40, Stop = { "never said", stop } }))).Complete;
        Assert.Equal(("stop", stop), (byText.FinishReason, byText.MatchedStopStr));

        var token = (uint)greedy.Ids[6];
        var byToken = Assert.Single(await Read(With(new() { Temperature = 0, MaxTokens = 40, StopTokenIds = { token } }))).Complete;
        Assert.Equal(("stop", token), (byToken.FinishReason, byToken.MatchedTokenId));
        Assert.Equal(greedy.Ids[..(Array.IndexOf(greedy.Ids, (int)token) + 1)].Select(id => (uint)id), byToken.OutputIds);
    }

    [Fact]
    public async Task The_end_token_ends_the_answer_unless_it_is_ignored()
    {
        var prompt = await _cluster.Client.TokenizeAsync(
            new TokenizeRequest { Text = "<|user|>\nDefine \"brave\".<|end|>\n<|assistant|>\n", AddBos = true, ParseSpecial = true });
        var request = new Request { Tokenized = new TokenizedInput { InputIds = { prompt.TokenIds } }, SamplingParams = new() { Temperature = 0, MaxTokens = 200 } };
        var ended = Assert.Single(await Read(request)).Complete;
        Assert.Equal(("stop", GenerateComplete.MatchedStopOneofCase.None), (ended.FinishReason, ended.MatchedStopCase));
        var info = await _engine.GetModelInfoAsync(new ModelInfoRequest());
        Assert.Contains((int)ended.OutputIds[^1], info.EosTokenIds);

        request.SamplingParams.IgnoreEos = true;
        request.SamplingParams.MaxTokens = (uint)ended.OutputIds.Count + 5;
        var ignored = Assert.Single(await Read(request)).Complete;
        Assert.Equal(("length", ended.OutputIds.Count + 5), (ignored.FinishReason, ignored.OutputIds.Count));
        Assert.Equal(ended.OutputIds, ignored.OutputIds.Take(ended.OutputIds.Count));
    }

    [Fact]
    public async Task What_this_server_cannot_do_is_refused_by_name()
    {
        foreach (var row in Refused())
        {
            var (expected, request) = row.Data;
            var error = await Assert.ThrowsAsync<RpcException>(() => Read(request));
            Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
            Assert.StartsWith(expected, error.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_abort_ends_the_request_with_what_there_is()
    {
        var request = new Request { RequestId = "r1", Text = "The sea", Stream = true, SamplingParams = new() { Temperature = 3, Seed = 1, MaxTokens = 2000 } };
        using var call = _engine.Generate(request);
        Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        Assert.Equal(1u, (await _engine.GetServerInfoAsync(new GetServerInfoRequest())).ActiveRequests);
        var twice = await Assert.ThrowsAsync<RpcException>(() => Read(request));
        Assert.Equal((StatusCode.InvalidArgument, "request_id: 'r1' is running already"), (twice.StatusCode, twice.Status.Detail));

        var seen = call.ResponseStream.Current.Chunk.TokenIds.ToList();
        await _engine.AbortAsync(new AbortRequest { RequestIds = { "unknown", "r1" } });
        GenerateComplete? complete = null;
        await foreach (var message in call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            seen.AddRange(message.Chunk?.TokenIds ?? []);
            complete = message.Complete;
        }

        Assert.Equal("abort", complete!.FinishReason);
        Assert.InRange(complete.OutputIds.Count, 1, 1999);
        Assert.Equal(seen, complete.OutputIds);
        Assert.Equal("length", (await Read(new Request(request) { SamplingParams = new() { MaxTokens = 1, Temperature = 3, Seed = 1 } }))[^1].Complete.FinishReason);
    }

    [Fact]
    public async Task Model_server_and_load_are_described()
    {
        var info = await _engine.GetModelInfoAsync(new ModelInfoRequest());
        Assert.Equal(
            (lexi.Model, lexi.Model, "lexi-int4", "llama", true, false, 8192u),
            (info.ModelPath, info.TokenizerPath, info.ServedModelName, info.ModelType, info.IsGeneration, info.SupportsVision, info.VocabSize));
        Assert.Equal(["LlamaForCausalLM"], info.Architectures);
        Assert.Equal((int)info.MaxContextLength - 1, info.MaxReqInputLen);

        var before = await _engine.GetServerInfoAsync(new GetServerInfoRequest());
        Assert.Equal((0u, 0d, "quarot-grpc", 1), (before.ActiveRequests, before.LastReceiveTimestamp, before.ServerType, before.DataParallelSize));
        await Read(With(new() { MaxTokens = 1 }));
        Assert.True((await _engine.GetServerInfoAsync(new GetServerInfoRequest())).LastReceiveTimestamp > 1.7e9);

        var load = Assert.Single((await _engine.GetLoadsAsync(new GetLoadsRequest())).Loads);
        Assert.Equal((0, 0), (load.NumRunningReqs, load.NumWaitingReqs));
        Assert.InRange(load.TokenUsage, 0, 1);
        await ServingAsync();
        Assert.True((await _engine.HealthCheckAsync(new HealthCheckRequest())).Healthy);
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _engine.EmbedAsync(new EmbedRequest()));
        Assert.Equal((StatusCode.Unimplemented, "Embed: this server generates text; it has no embedding model"), (error.StatusCode, error.Status.Detail));
    }

    private static Request With(SamplingParams sampling) => new() { Text = Prompt, SamplingParams = sampling };

    private async Task<List<Chunk>> Read(Request request)
    {
        using var call = _engine.Generate(request, cancellationToken: TestContext.Current.CancellationToken);
        var messages = new List<Chunk>();
        await foreach (var message in call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
            messages.Add(message);
        return messages;
    }

    private async Task ServingAsync()
    {
        using var watch = new Contracts.Health.Health.HealthClient(_cluster.Channel).Watch(new Contracts.Health.HealthCheckRequest());
        while (await watch.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
        {
            if (watch.ResponseStream.Current.Status == Contracts.Health.HealthCheckResponse.Types.ServingStatus.Serving)
                return;
        }
    }
}
