using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.Synthesis;

/// <summary>
/// Writes a Hugging Face checkpoint of random weights: for measuring a model's size and speed without having it, and for tests.
/// </summary>
/// <remarks>
/// Weights are normal with deviation 1/√in, so that activations keep their size, and 1/√(2·layers) of that where a layer adds to the
/// residual stream, so that the stream does too. Norm gains are 1 ± 0.2, biases 0 ± 0.5. One file for the embedding, one for each layer and
/// one for the head; a few megabytes are in memory at a time. The same shape and seed give the same bytes.
/// </remarks>
public sealed class SyntheticCheckpoint
{
    private readonly ModelShape _shape;
    private readonly ulong _seed;
    private readonly TensorFiles _files;
    private readonly CancellationToken _cancellation;

    private SyntheticCheckpoint(ModelShape shape, ulong seed, string folder, CancellationToken cancellation)
    {
        _shape = shape;
        _seed = seed;
        _files = new TensorFiles(folder);
        _cancellation = cancellation;
    }

    /// <summary>Writes the checkpoint; the folder appears whole or not at all.</summary>
    /// <param name="folder">Folder to create.</param>
    /// <param name="shape">Sizes and type.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <param name="overwrite">Replace a folder that exists.</param>
    /// <param name="progress">Told after each file.</param>
    /// <param name="cancellation">Stops within a few megabytes and removes what was written.</param>
    /// <exception cref="ArgumentException">The vocabulary does not suit a made-up tokenizer.</exception>
    /// <exception cref="CheckpointException">The folder exists, or is being written by another run.</exception>
    /// <exception cref="IOException">The folder cannot be written, or its disk is too small.</exception>
    public static void Write(
        string folder,
        ModelShape shape,
        ulong seed = 0,
        bool overwrite = false,
        IProgress<SynthesisProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        using StagingFolder staging = StagingFolder.Create(folder, overwrite, key: "");
        var checkpoint = new SyntheticCheckpoint(shape, seed, staging.Path, cancellation);
        List<TensorSpec>[] files = [.. checkpoint.Files()];
        DiskSpace.Require(staging.Path, files.Sum(file => file.Sum(spec => spec.ByteLength)));
        SyntheticTokenizer.Write(staging.Path, shape.Config.VocabSize);
        SyntheticConfig.Write(staging.Path, shape);
        for (int i = 0; i < files.Length; i++)
        {
            checkpoint._files.Write($"model-{i + 1:D5}-of-{files.Length:D5}.safetensors", files[i], checkpoint.WriteTensor);
            progress?.Report(new SynthesisProgress(i + 1, files.Length));
        }

        checkpoint._files.WriteIndex();
        staging.Commit();
    }

    private IEnumerable<List<TensorSpec>> Files()
    {
        ModelConfig config = _shape.Config;
        var layout = new DecoderLayout(config);
        yield return [.. Linear(layout.EmbeddingTable)];
        for (int layer = 0; layer < config.NumLayers; layer++)
        {
            yield return
            [
                Vector(DecoderLayout.InputNorm(layer), config.HiddenSize),
                Vector(DecoderLayout.PostAttentionNorm(layer), config.HiddenSize),
                .. layout.Linears(layer).SelectMany(Linear),
            ];
        }

        TensorSpec norm = Vector(DecoderLayout.FinalNorm, config.HiddenSize);
        yield return config.TieWordEmbeddings ? [norm] : [norm, .. Linear(layout.LmHead)];
    }

    private IEnumerable<TensorSpec> Linear(LinearShape shape)
    {
        yield return new TensorSpec(shape.Name + ".weight", _shape.DType, [shape.OutFeatures, shape.InFeatures]);
        if (shape.HasBias)
        {
            yield return Vector(shape.Name + ".bias", shape.OutFeatures);
        }
    }

    private TensorSpec Vector(string name, int length) => new(name, _shape.DType, [length]);

    private void WriteTensor(TensorSpec spec, Stream stream)
    {
        bool addsToResidual = spec.Name.Contains("o_proj", StringComparison.Ordinal) || spec.Name.Contains("down_proj", StringComparison.Ordinal);
        (double mean, double deviation) = spec switch
        {
            { Shape.Count: 2 } => (0, 1 / Math.Sqrt(spec.Shape[1] * (addsToResidual ? 2.0 * _shape.Config.NumLayers : 1))),
            _ when spec.Name.EndsWith(".bias", StringComparison.Ordinal) => (0, 0.5),
            _ => (1, 0.2),
        };
        RandomTensor.Write(spec, stream, _seed, mean, deviation, _cancellation);
    }
}
