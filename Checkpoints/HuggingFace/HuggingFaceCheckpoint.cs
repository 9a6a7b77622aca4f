using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>An unquantized Hugging Face folder: config.json and *.safetensors with Llama's tensor names.</summary>
public sealed class HuggingFaceCheckpoint : ICheckpoint
{
    private readonly DecoderLayout _layout;
    private readonly SafetensorsFolder _folder;
    private readonly TensorReader _tensors;

    private HuggingFaceCheckpoint(ModelConfig config, SafetensorsFolder folder)
    {
        Config = config;
        _layout = new DecoderLayout(config);
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
    public LinearWeights ReadEmbedding() => _tensors.Linear(_layout.EmbeddingTable);

    /// <inheritdoc/>
    public LayerWeights ReadLayer(int layer) =>
        _layout.Read(layer, _tensors.Linear, name => _tensors.Vector(name, Config.HiddenSize));

    /// <inheritdoc/>
    /// <remarks>With tied embeddings the head is the embedding's matrix, under the embedding's name.</remarks>
    public HeadWeights ReadHead() => new()
    {
        FinalNorm = _tensors.Vector(DecoderLayout.FinalNorm, Config.HiddenSize),
        LmHead = Config.TieWordEmbeddings ? ReadEmbedding() : _tensors.Linear(_layout.LmHead),
    };

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();
}
