using Microsoft.Extensions.Options;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Contracts.Shards;

namespace QuaRot.Gateway.Services;

/// <summary>The gateway's view of the model: config and tokenizer; it never touches weights.</summary>
public sealed class ServedModelInfo(IOptions<GatewayOptions> options)
{
    private readonly GatewayOptions _options = options.Value;

    /// <summary>Name under which the shards are keyed.</summary>
    public string Name => _options.ModelName;

    /// <summary>Number of shards of a replica.</summary>
    public int Shards => _options.Shards;

    /// <summary>Longest context in tokens.</summary>
    public int MaxContext => _options.MaxContext;

    /// <summary>Shape and quantization.</summary>
    public ModelConfig Config { get; } = ModelConfigReader.Read(Path.Combine(options.Value.ModelPath, "config.json"));

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer { get; } = Tokenizer.Load(options.Value.ModelPath);

    /// <summary>Grain key of the shard of a stage.</summary>
    public string ShardKey(int stage) => new ShardKey(Name, 0, stage).ToString();
}
