using Grpc.Core;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>Every wrong field is answered by INVALID_ARGUMENT with its name, and nothing is disturbed by it.</summary>
public sealed class InvalidRequestTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private ServedCluster _cluster = null!;

    public static TheoryData<string, GenerateRequest> WrongRequests() => new()
    {
        { "prompt: neither prompt nor token_ids is set", new GenerateRequest() },
        { "prompt: is empty", new GenerateRequest { Prompt = "" } },
        { "token_ids.ids: is empty", new GenerateRequest { TokenIds = new TokenIds() } },
        { "token_ids.ids[1]: is 8192; the vocabulary has 8192 tokens", new GenerateRequest { TokenIds = new TokenIds { Ids = { 1, 8192 } } } },
        { "sampling.temperature: is -1; must be at least 0 and at most 100", With(new() { Temperature = -1 }) },
        { "sampling.temperature: is NaN", With(new() { Temperature = float.NaN }) },
        { "sampling.top_k: is 8193; the vocabulary has 8192 tokens", With(new() { TopK = 8193 }) },
        { "sampling.top_p: is 0; must be above 0 and at most 1", With(new() { TopP = 0 }) },
        { "sampling.top_p: is 1.5", With(new() { TopP = 1.5f }) },
        { "sampling.min_p: is 2", With(new() { MinP = 2 }) },
        { "sampling.repetition_penalty: is 0; must be at least 0.01 and at most 10", With(new() { RepetitionPenalty = 0 }) },
        { "sampling.repetition_penalty: is Infinity", With(new() { RepetitionPenalty = float.PositiveInfinity }) },
        { "sampling.max_tokens: is 0; must be at least 1 and at most 2147483647", With(new() { MaxTokens = 0 }) },
        { "sampling.max_tokens: is 4294967295", With(new() { MaxTokens = uint.MaxValue }) },
        { "sampling.logprobs: is 21; must be at most 20", With(new() { Logprobs = 21 }) },
        { "sampling.stop[1]: is empty", With(new() { Stop = { "a", "" } }) },
        { "sampling.stop[0]: is longer than 256 bytes", With(new() { Stop = { new string('x', 257) } }) },
        { "sampling.stop: has 17 texts; at most 16 are allowed", With(new() { Stop = { Enumerable.Repeat("a", 17) } }) },
    };

    public async ValueTask InitializeAsync() => _cluster = await ServedCluster.Start(lexi.Model, kvTokens: 1024);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Each_names_its_field()
    {
        foreach (var row in WrongRequests())
        {
            var (expected, request) = row.Data;
            using var call = _cluster.Client.Generate(request);
            var error = await Assert.ThrowsAsync<RpcException>(() => Answer.Read(call));
            Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
            Assert.StartsWith(expected, error.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_says_by_how_much()
    {
        var request = new GenerateRequest { TokenIds = new TokenIds { Ids = { Enumerable.Repeat(7u, 1030) } } };
        using var call = _cluster.Client.Generate(request);
        var error = await Assert.ThrowsAsync<RpcException>(() => Answer.Read(call));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal("token_ids.ids: 1030 tokens leave no room for an answer in the context of 1024: 7 too many", error.Status.Detail);
    }

    [Fact]
    public async Task A_chat_beyond_the_context_says_by_how_much_and_leaves_the_session_as_it_was()
    {
        var session = await _cluster.Client.NewSession();
        var first = await _cluster.Client.Ask(session, "What is a compiler?");
        var before = await _cluster.Client.GetSessionAsync(new GetSessionRequest { SessionId = session });
        var error = await Assert.ThrowsAsync<RpcException>(
            () => _cluster.Client.Ask(session, string.Concat(Enumerable.Repeat("word ", 2000))));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Matches(@"^messages: \d+ tokens leave no room for an answer in the context of 1024: \d+ too many$", error.Status.Detail);
        Assert.Equal(before, await _cluster.Client.GetSessionAsync(new GetSessionRequest { SessionId = session }));
    }

    [Theory]
    [InlineData("", "session_id: is empty")]
    [InlineData("no/../id", "session_id: is not a session id")]
    public async Task A_malformed_session_id_is_named(string id, string expected)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => _cluster.Client.Ask(id, "Hi"));
        Assert.Equal((StatusCode.InvalidArgument, expected), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task An_unknown_session_is_not_found()
    {
        var id = new string('a', 32);
        foreach (var call in new Func<Task>[]
        {
            () => _cluster.Client.Ask(id, "Hi"),
            async () => await _cluster.Client.GetSessionAsync(new GetSessionRequest { SessionId = id }),
            async () => await _cluster.Client.DeleteSessionAsync(new DeleteSessionRequest { SessionId = id }),
        })
        {
            var error = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal((StatusCode.NotFound, $"session_id: there is no session '{id}'"), (error.StatusCode, error.Status.Detail));
        }
    }

    [Fact]
    public async Task A_role_that_the_template_lacks_is_named()
    {
        var session = await _cluster.Client.NewSession();
        var request = new ChatRequest { SessionId = session };
        request.Messages.Add(new ChatMessage { Role = "wizard", Content = "Hi" });
        request.Messages.Add(new ChatMessage { Role = "user", Content = "Hi" });
        using var call = _cluster.Client.Chat(request);
        var error = await Assert.ThrowsAsync<RpcException>(() => Answer.Read(call));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("wizard", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_last_message_must_be_the_users()
    {
        var request = new ChatRequest { SessionId = await _cluster.Client.NewSession() };
        request.Messages.Add(new ChatMessage { Role = "assistant", Content = "Hi" });
        using var call = _cluster.Client.Chat(request);
        var error = await Assert.ThrowsAsync<RpcException>(() => Answer.Read(call));
        Assert.Equal("messages[0].role: is 'assistant'; the last message must be of role 'user'", error.Status.Detail);
    }

    private static GenerateRequest With(SamplingParameters sampling) => new() { Prompt = "Hi", Sampling = sampling };
}
