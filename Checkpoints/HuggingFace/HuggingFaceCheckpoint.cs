using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>An unquantized Hugging Face folder: config.json and *.safetensors with Llama's tensor names.</summary>
public sealed class HuggingFaceCheckpoint : ICheckpoint
{
    private const string EmbeddingName = "model.embed_tokens.weight";
    private readonly SafetensorsFolder _folder;
    private readonly TensorReader _tensors;

    private HuggingFaceCheckpoint(ModelConfig config, SafetensorsFolder folder)
    {
        Config = config;
        _folder = folder;
        _tensors = new TensorReader(folder);
    }

    /// <inheritdoc/>
    public ModelConfig Config { get; }

    /// <summary>Reads the config and finds the tensor files; the tensors themselves are checked when they are read.</summary>
    /// <exception cref="CheckpointException">
    /// The folder lacks a file, a file is broken, or the model is quantized or of an unsupported kind.
    /// </exception>
    public static HuggingFaceCheckpoint Open(string folder)
    {
        string configFile = Path.Combine(folder, "config.json");
        var config = ModelConfigReader.Read(configFile);
        if (config.Quantization is not null)
            throw new CheckpointException(configFile, "quantization_config is present: this checkpoint is quantized, not original");
        return new HuggingFaceCheckpoint(config, SafetensorsFolder.Open(folder));
    }

    /// <inheritdoc/>
    public LinearWeights ReadEmbedding() => _tensors.Matrix(EmbeddingName, Config.VocabSize, Config.HiddenSize);

    /// <inheritdoc/>
    public LayerWeights ReadLayer(int layer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Config.NumLayers);
        string prefix = $"model.layers.{layer}.";
        int hidden = Config.HiddenSize;
        int queries = Config.NumHeads * Config.HeadDim;
        int keys = Config.NumKvHeads * Config.HeadDim;
        return new LayerWeights
        {
            InputNorm = _tensors.Vector(prefix + "input_layernorm.weight", hidden),
            PostAttentionNorm = _tensors.Vector(prefix + "post_attention_layernorm.weight", hidden),
            Q = _tensors.Linear(prefix + "self_attn.q_proj", queries, hidden),
            K = _tensors.Linear(prefix + "self_attn.k_proj", keys, hidden),
            V = _tensors.Linear(prefix + "self_attn.v_proj", keys, hidden),
            O = _tensors.Linear(prefix + "self_attn.o_proj", hidden, queries),
            Gate = _tensors.Linear(prefix + "mlp.gate_proj", Config.IntermediateSize, hidden),
            Up = _tensors.Linear(prefix + "mlp.up_proj", Config.IntermediateSize, hidden),
            Down = _tensors.Linear(prefix + "mlp.down_proj", hidden, Config.IntermediateSize),
        };
    }

    /// <inheritdoc/>
    /// <remarks>With tied embeddings the head is the embedding's matrix, under the embedding's name.</remarks>
    public HeadWeights ReadHead() => new()
    {
        FinalNorm = _tensors.Vector("model.norm.weight", Config.HiddenSize),
        LmHead = Config.TieWordEmbeddings ? ReadEmbedding() : _tensors.Linear("lm_head", Config.VocabSize, Config.HiddenSize),
    };

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();
}
