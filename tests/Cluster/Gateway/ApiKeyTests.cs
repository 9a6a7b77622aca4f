using Grpc.Core;
using Grpc.Net.Client;
using QuaRot.Cli.Commands;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.Health;
using QuaRot.Contracts.Reflection.V1;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>API keys: who may call, and whose sessions are whose.</summary>
public sealed class ApiKeyTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private const string Alice = "alice-0123456789abcdef", Bob = "bob-0123456789abcdef", Unnamed = "0123456789abcdef0123456789abcdef";

    private readonly TemporaryFolder _folder = new();
    private ServedCluster _cluster = null!;
    private GrpcChannel _channel = null!;
    private Inference.InferenceClient _client = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string KeyFile => _folder["keys"];

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(KeyFile, $"# who may call\n\n alice : {Alice}\nbob:{Bob}\n{Unnamed}\n", Cancelled);
        await Start();
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Who_has_no_key_is_told_so_and_never_hears_the_key_he_sent()
    {
        const string Wrong = "wrong-0123456789abcdef";
        foreach (var (headers, expected) in new (Metadata, string)[]
        {
            ([], "authorization: this server wants an API key: send 'authorization: Bearer KEY'"),
            (As(Wrong), "authorization: the API key is not known here"),
            (As(Alice + "x"), "authorization: the API key is not known here"),
            (As(""), "authorization: the API key is not known here"),
            (new Metadata { { "authorization", "Basic " + Wrong } }, "authorization: is not of the form 'Bearer KEY'"),
        })
        {
            var error = await Assert.ThrowsAsync<RpcException>(async () => await _client.GetModelInfoAsync(new GetModelInfoRequest(), headers));
            Assert.Equal((StatusCode.Unauthenticated, expected), (error.StatusCode, error.Status.Detail));
            using var stream = _client.Generate(new GenerateRequest { Prompt = "Hi" }, headers);
            error = await Assert.ThrowsAsync<RpcException>(() => Answer.Read(stream));
            Assert.Equal((StatusCode.Unauthenticated, expected), (error.StatusCode, error.Status.Detail));
        }

        foreach (var key in new[] { Alice, Bob, Unnamed })
            Assert.Equal("lexi-int4", (await _client.GetModelInfoAsync(new GetModelInfoRequest(), As(key))).Name);
        Assert.Equal("lexi-int4", (await _client.GetModelInfoAsync(new GetModelInfoRequest(), new Metadata { { "authorization", "bearer " + Bob } })).Name);
    }

    [Fact]
    public async Task Health_is_open_and_reflection_is_not()
    {
        Assert.NotEqual(
            HealthCheckResponse.Types.ServingStatus.Unknown, (await new Health.HealthClient(_channel).CheckAsync(new HealthCheckRequest())).Status);
        using var refused = new ServerReflection.ServerReflectionClient(_channel).ServerReflectionInfo();
        var error = await Assert.ThrowsAsync<RpcException>(() => refused.ResponseStream.MoveNext(Cancelled));
        Assert.Equal(StatusCode.Unauthenticated, error.StatusCode);

        using var call = new ServerReflection.ServerReflectionClient(_channel).ServerReflectionInfo(As(Alice));
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(Cancelled));
        Assert.NotEmpty(call.ResponseStream.Current.ListServicesResponse.Service);
    }

    [Fact]
    public async Task Anothers_session_is_answered_like_one_that_does_not_exist()
    {
        var session = await NewSession(Alice);
        foreach (var stranger in new[] { Bob, Unnamed })
        {
            await AssertUnknown(session, stranger);
            Assert.Empty(await List(stranger));
        }

        Assert.Equal([session], await List(Alice));

        // Not even whether it is busy is told.
        using var call = _client.Chat(Question(session, maxTokens: 1500), As(Alice));
        Assert.True(await call.ResponseStream.MoveNext(Cancelled));
        await AssertUnknown(session, Bob);
        var busy = await Assert.ThrowsAsync<RpcException>(() => Chat(session, Alice));
        Assert.Equal(StatusCode.FailedPrecondition, busy.StatusCode);
    }

    [Fact]
    public async Task Sessions_stay_with_the_name_when_its_key_changes()
    {
        var (session, nameless) = (await NewSession(Alice), await NewSession(Unnamed));
        await Chat(session, Alice);
        await DisposeServer();
        const string NewKey = "alices-new-0123456789abcdef";
        await File.WriteAllTextAsync(KeyFile, $"alice:{NewKey}\n{Unnamed}\n", Cancelled);
        await Start();
        Assert.Equal([session], await List(NewKey));
        Assert.Equal([nameless], await List(Unnamed));
        Assert.Equal(2, (await _client.GetSessionAsync(new GetSessionRequest { SessionId = session }, As(NewKey))).Messages.Count);
        await Chat(session, NewKey);
        var store = await File.ReadAllBytesAsync(_folder["data/sessions.db"], Cancelled);
        Assert.Equal(-1, store.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(Unnamed)));
    }

    [Fact]
    public async Task A_change_of_the_file_counts_from_the_next_call_on_and_a_slip_in_it_changes_nothing()
    {
        await File.WriteAllTextAsync(KeyFile, $"alice:{Alice}\n", Cancelled);
        await _client.ListSessionsAsync(new ListSessionsRequest(), As(Alice));
        await AssertRefused(Bob);
        await File.WriteAllTextAsync(KeyFile, "alice:short\n", Cancelled);
        await _client.ListSessionsAsync(new ListSessionsRequest(), As(Alice));
        await AssertRefused(Bob);
        await File.WriteAllTextAsync(KeyFile, $"alice:{Alice}\nrobert:{Bob}\n", Cancelled);
        await _client.ListSessionsAsync(new ListSessionsRequest(), As(Bob));
    }

    [Theory]
    [InlineData("", ": holds no key")]
    [InlineData("# only a comment\n", ": holds no key")]
    [InlineData("me:short", ":1: the key is shorter than 16 characters")]
    [InlineData("\nme you:0123456789abcdef", ":2: a name is made of letters, digits, '-', '_' and '.'")]
    [InlineData(":0123456789abcdef", ":1: the name before the colon is empty")]
    [InlineData("anonymous:0123456789abcdef", ":1: the name 'anonymous' stands for callers without a key")]
    [InlineData("me:0123456789 abcdef", ":1: a key is made of visible ASCII characters")]
    [InlineData("me:0123456789abcdef\nyou:0123456789abcdef", ":2: the key is the same as in line 1")]
    public async Task A_wrong_key_file_is_refused_at_the_start(string content, string expected)
    {
        var file = _folder["wrong"];
        await File.WriteAllTextAsync(file, content, Cancelled);
        var error = await Assert.ThrowsAsync<CommandException>(() => ServedCluster.Start(lexi.Model, configure: o => o with { ApiKeys = file }));
        Assert.StartsWith($"--api-keys: {file}{expected}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("0123456789", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_file_that_is_not_there_is_refused_at_the_start()
    {
        var error = await Assert.ThrowsAsync<CommandException>(() => ServedCluster.Start(lexi.Model, configure: o => o with { ApiKeys = _folder["none"] }));
        Assert.Equal($"--api-keys: {_folder["none"]}: there is no such file", error.Message);
    }

    [Fact]
    public async Task Sessions_of_a_store_without_keys_are_nobodys()
    {
        await using var silos = await SiloCluster.Deploy(lexi.Model, shards: 1, silos: 1, data: _folder["silos"]);
        var session = silos.Grains.GetGrain<ISessionGrain>(new string('a', 32));
        await session.Create("anonymous");
        Assert.NotNull(await session.Read(SessionOwner.Nobody));
        Assert.Null(await session.Read("someone"));
        Assert.False(await session.Delete("someone"));
        Assert.True(await session.Delete(SessionOwner.Nobody));
    }

    private static Metadata As(string key) => new() { { "authorization", $"Bearer {key}" } };

    private static ChatRequest Question(string session, uint maxTokens = 4)
    {
        var request = new ChatRequest { SessionId = session, Sampling = new SamplingParameters { Temperature = 3, Seed = 1, MaxTokens = maxTokens } };
        request.Messages.Add(new ChatMessage { Role = "user", Content = "Tell me of the sea." });
        return request;
    }

    private async Task Start()
    {
        _cluster = await ServedCluster.Start(lexi.Model, shards: 1, data: _folder["data"], configure: o => o with { ApiKeys = KeyFile });
        _channel = GrpcChannel.ForAddress(_cluster.Address);
        _client = new Inference.InferenceClient(_channel);
    }

    private async Task DisposeServer()
    {
        _channel.Dispose();
        await _cluster.DisposeAsync();
    }

    private async Task<string> NewSession(string key) => (await _client.CreateSessionAsync(new CreateSessionRequest(), As(key))).SessionId;

    private async Task<string[]> List(string key) =>
        [.. (await _client.ListSessionsAsync(new ListSessionsRequest(), As(key))).Sessions.Select(s => s.SessionId)];

    private async Task<Answer> Chat(string session, string key)
    {
        using var call = _client.Chat(Question(session), As(key));
        return await Answer.Read(call);
    }

    private async Task AssertUnknown(string session, string key)
    {
        foreach (var call in new Func<string, Task>[]
        {
            id => Chat(id, key),
            async id => await _client.GetSessionAsync(new GetSessionRequest { SessionId = id }, As(key)),
            async id => await _client.DeleteSessionAsync(new DeleteSessionRequest { SessionId = id }, As(key)),
        })
        {
            foreach (var id in new[] { session, new string('b', 32) })
            {
                var error = await Assert.ThrowsAsync<RpcException>(() => call(id));
                Assert.Equal((StatusCode.NotFound, $"session_id: there is no session '{id}'"), (error.StatusCode, error.Status.Detail));
            }
        }
    }

    private async Task AssertRefused(string key)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _client.ListSessionsAsync(new ListSessionsRequest(), As(key)));
        Assert.Equal(StatusCode.Unauthenticated, error.StatusCode);
    }
}
