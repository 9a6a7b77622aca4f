using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>
/// A folder that <see cref="CheckpointQuantizer"/> wrote. Each layer lies in a file of its own, mapped when it is first read.
/// </summary>
public sealed class QuaRotCheckpoint : ICheckpoint
{
    private readonly DecoderLayout _layout;
    private readonly SafetensorsFolder _folder;
    private readonly TensorReader _floats;
    private readonly QuantizationConfig _quantization;

    private QuaRotCheckpoint(ModelConfig config, QuantizationConfig quantization, SafetensorsFolder folder)
    {
        Config = config;
        _quantization = quantization;
        _layout = new DecoderLayout(config);
        _folder = folder;
        _floats = new TensorReader(folder);
    }

    /// <inheritdoc/>
    public ModelConfig Config { get; }

    /// <summary>Reads the config and finds the tensor files; the tensors themselves are checked when they are read.</summary>
    /// <exception cref="CheckpointException">The folder lacks a file, a file is broken, or this is no QuaRot checkpoint.</exception>
    public static QuaRotCheckpoint Open(string folder)
    {
        string configFile = Path.Combine(folder, "config.json");
        ModelConfig config = ModelConfigReader.Read(configFile);
        if (config.Quantization is not { } quantization)
        {
            throw new CheckpointException(configFile, "quantization_config is missing: this is no QuaRot checkpoint");
        }

        if (config.TieWordEmbeddings)
        {
            throw new CheckpointException(configFile, "tie_word_embeddings is true; a QuaRot checkpoint is always untied");
        }

        CheckRotation(config, quantization, configFile);
        return new QuaRotCheckpoint(config, quantization, SafetensorsFolder.Open(folder));
    }

    /// <inheritdoc/>
    public LinearWeights ReadEmbedding() => LinearTensors.Read(_folder, _layout.EmbeddingTable, bits: 16, groupSize: 0);

    /// <inheritdoc/>
    public LayerWeights ReadLayer(int layer) => _layout.Read(
        layer, shape => LinearTensors.Read(_folder, shape, _quantization.WeightBits, _quantization.GroupSize), ReadVector);

    /// <inheritdoc/>
    public HeadWeights ReadHead() => new()
    {
        FinalNorm = _layout.FusesNorms ? null : ReadVector(DecoderLayout.FinalNorm),
        LmHead = LinearTensors.Read(_folder, _layout.LmHead, bits: 16, groupSize: 0),
    };

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    private float[] ReadVector(string name) => _floats.Vector(name, Config.HiddenSize);

    private static void CheckRotation(ModelConfig config, QuantizationConfig quantization, string configFile)
    {
        if (!quantization.Rotate)
        {
            return;
        }

        try
        {
            RotationPlan.For(config);
        }
        catch (ArgumentException e)
        {
            throw new CheckpointException(configFile, e.Message, e);
        }
    }
}
