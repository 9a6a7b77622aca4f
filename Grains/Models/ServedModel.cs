using Microsoft.Extensions.Options;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Chat;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Engine;
using QuaRot.Engine.Scheduling;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;

namespace QuaRot.Grains.Models;

/// <summary>The silo's view of the model it serves: config, tokenizer, chat template, and stages on demand.</summary>
/// <remarks>The checkpoint stays mapped until the silo's services are disposed, because weights may be views of it.</remarks>
public sealed class ServedModel : IDisposable
{
    private readonly ModelOptions _options;
    private readonly Lazy<ICheckpoint> _checkpoint;
    private readonly Lazy<Lazy<Backend>[]> _backends;
    private readonly Lazy<Tokenizer> _tokenizer;
    private readonly Lazy<ChatTemplate> _template;
    private readonly Lazy<IReadOnlyList<int>> _stopTokenIds;
    private int _layersRead;

    /// <summary>Takes the options; files are opened on first use.</summary>
    public ServedModel(IOptions<ModelOptions> options)
    {
        _options = options.Value;
        _checkpoint = new(() => Checkpoint.Open(_options.Path));
        _backends = new(() => [.. Enumerable.Range(0, Math.Max(1, BackendRegistry.DeviceCount(_options.Backend)))
            .Select(device => new Lazy<Backend>(() => BackendRegistry.Create(_options.Backend, device)))]);
        _tokenizer = new(() => Tokenizer.Load(_options.Path));
        _template = new(() => ChatTemplate.Load(_options.Path, _options.ChatTemplate));
        _stopTokenIds = new(() => [.. Config.EosTokenIds.Append(Tokenizer.IdOf(Template.EndToken)
            ?? throw new CheckpointException(System.IO.Path.Combine(_options.Path, "tokenizer.json"),
                $"has no token '{Template.EndToken}', with which the chat template {Template.Name} ends messages")).Distinct()]);
    }

    /// <summary>Name of the model: the last part of its folder's path.</summary>
    public string Name => System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(_options.Path)));

    /// <summary>How it is served.</summary>
    public ModelOptions Options => _options;

    /// <summary>Shape and constants.</summary>
    public ModelConfig Config => _checkpoint.Value.Config;

    /// <summary>Its tokenizer.</summary>
    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>Its chat template.</summary>
    public ChatTemplate Template => _template.Value;

    /// <summary>Tokens that end an answer: those of config.json, and the one with which the chat template ends a message.</summary>
    public IReadOnlyList<int> StopTokenIds => _stopTokenIds.Value;

    /// <summary>Longest context of one session: what the model was made for, or what the KV cache holds if that is less.</summary>
    public int MaxContext => Math.Min(Config.MaxPositions, _options.KvTokens);

    /// <summary>Layers whose weights this silo has begun to load, over all stages and loads.</summary>
    public int LayersRead => Volatile.Read(ref _layersRead);

    /// <summary>Limits of the scheduler on the lead.</summary>
    public SchedulerOptions SchedulerOptions => new()
    {
        MaxBatchTokens = _options.MaxBatchTokens,
        MaxQueue = _options.MaxQueue,
        MaxContext = MaxContext,
    };

    /// <summary>Loads the weights of one stage and makes its KV cache; stages go to the GPUs in turn.</summary>
    public IModelStage LoadStage(int stage)
    {
        var layers = ShardPlan.Even(Config.NumLayers, _options.Shards)[stage];
        var counted = new CountedCheckpoint(_checkpoint.Value, () => Interlocked.Increment(ref _layersRead));
        return StageLoader.Load(counted, layers, _backends.Value[stage % _backends.Value.Length].Value, KvLayout.PagesFor(_options.KvTokens));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var backend in _backends.IsValueCreated ? _backends.Value.Where(backend => backend.IsValueCreated) : [])
            backend.Value.Dispose();
        if (_checkpoint.IsValueCreated)
            _checkpoint.Value.Dispose();
    }
}
