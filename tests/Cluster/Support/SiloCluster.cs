using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;
using Orleans.TestingHost;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.Shards;
using QuaRot.Grains.Sessions;
using QuaRot.Silo;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>Silos of one process without a gateway; the tests speak to the grains.</summary>
internal sealed class SiloCluster : IAsyncDisposable
{
    /// <summary>Whose sessions <see cref="Ask"/> goes on with.</summary>
    public const string Owner = "someone";

    private const string Model = "model", ShardCount = "shards", Data = "data";

    /// <summary>In place of a data folder: <see cref="FaultyStorage"/>.</summary>
    public const string Faulty = "faulty";

    private readonly TestCluster _cluster;
    private readonly Tokenizer _tokenizer;
    private readonly string _name;
    private readonly int _shards;

    private SiloCluster(TestCluster cluster, string model, int shards)
    {
        _cluster = cluster;
        _tokenizer = Tokenizer.Load(model);
        _name = Path.GetFileName(model);
        _shards = shards;
    }

    public static async Task<SiloCluster> Deploy(string model, int shards, int silos, string? data = null)
    {
        var builder = new TestClusterBuilder((short)silos);
        builder.Properties[Model] = model;
        builder.Properties[ShardCount] = shards.ToString();
        if (data is not null)
            builder.Properties[Data] = data;
        builder.AddSiloBuilderConfigurator<Silo>();
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return new SiloCluster(cluster, model, shards);
    }

    /// <summary>Tokens at temperature 0.9; says when the first one has come.</summary>
    public async Task<int[]> Generate(string prompt, ulong seed, int maxTokens = 48, Action? onFirst = null)
    {
        var session = _cluster.GrainFactory.GetGrain<ISessionGrain>(Guid.NewGuid().ToString("n"));
        var sampling = new TurnSampling { Temperature = 0.9f, TopP = 0.95f, Seed = seed, MaxTokens = maxTokens };
        var ids = new List<int>();
        var turn = new GenerateTurn(_tokenizer.Encode(prompt, addBos: true, parseSpecial: false), sampling);
        await foreach (var piece in session.Generate(turn, TestContext.Current.CancellationToken))
        {
            if (ids.Count == 0 && piece.TokenIds.Length > 0)
                onFirst?.Invoke();
            ids.AddRange(piece.TokenIds);
        }

        return [.. ids];
    }

    /// <summary>A turn of a chat at temperature 0.9, at most 40 tokens.</summary>
    public async Task<int[]> Ask(ISessionGrain session, string text, ulong seed)
    {
        var turn = new ChatTurn([new Message("user", text)], new TurnSampling { Temperature = 0.9f, Seed = seed, MaxTokens = 40 });
        var ids = new List<int>();
        await foreach (var piece in session.Chat(Owner, turn, TestContext.Current.CancellationToken))
            ids.AddRange(piece.TokenIds);
        return [.. ids];
    }

    public Task<ShardStatus[]> Shards() => Task.WhenAll(Enumerable.Range(0, _shards).Select(Shard).Select(s => s.Status()));

    public async Task<SchedulerReport> Batches() => await Shard(0).Scheduler();

    public IGrainFactory Grains => _cluster.GrainFactory;

    public TestCluster TestCluster => _cluster;

    public async ValueTask DisposeAsync()
    {
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
    }

    private IShardGrain Shard(int stage) => _cluster.GrainFactory.GetGrain<IShardGrain>(new ShardKey(_name, 0, stage).ToString());

    private sealed class Silo : ISiloConfigurator
    {
        public void Configure(ISiloBuilder siloBuilder)
        {
            var configuration = siloBuilder.Configuration;
            siloBuilder.AddQuaRotSilo(model =>
            {
                model.Path = configuration[Model]!;
                model.Shards = int.Parse(configuration[ShardCount]!);
            });
            if (configuration[Data] == Faulty)
                siloBuilder.Services.AddKeyedSingleton<IGrainStorage, FaultyStorage>(SessionGrain.Storage);
            else if (configuration[Data] is { } data)
                siloBuilder.AddSqliteSessions(Path.Combine(data, "sessions.db"));
            else
                siloBuilder.AddMemoryGrainStorage(SessionGrain.Storage);
        }
    }
}
