using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>Turns a Hugging Face checkpoint into a QuaRot one: rotate, quantize, write, one layer at a time.</summary>
/// <remarks>
/// Holds one layer in memory. The same source, options and version give the same bytes on every machine. The destination appears whole or
/// not
/// at all: everything is written beside it and renamed at the end.
/// </remarks>
public sealed class CheckpointQuantizer
{
    private static readonly string[] SideFiles =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "chat_template.jinja", "chat_template.json", "generation_config.json",
    ];

    private readonly HuggingFaceCheckpoint _source;
    private readonly DecoderLayout _layout;
    private readonly QuantizationConfig _options;
    private readonly ModelRotation? _rotation;
    private readonly TensorFiles _files;
    private readonly CancellationToken _cancellation;

    private CheckpointQuantizer(HuggingFaceCheckpoint source, QuantizationConfig options, string folder, CancellationToken cancellation)
    {
        _source = source;
        _layout = new DecoderLayout(source.Config);
        _options = options;
        _rotation = options.Rotate ? new ModelRotation(source.Config, options.Seed) : null;
        _files = new TensorFiles(folder);
        _cancellation = cancellation;
    }

    /// <summary>Quantizes the checkpoint in <paramref name="sourceFolder"/>.</summary>
    /// <param name="sourceFolder">A Hugging Face folder that is not quantized.</param>
    /// <param name="destinationFolder">Folder to create.</param>
    /// <param name="options">Bits, groups, rotation, seed and clips; the source hash is filled in.</param>
    /// <param name="overwrite">Replace a destination that exists.</param>
    /// <param name="progress">Told after each layer and at the end.</param>
    /// <param name="cancellation">Stops within a fraction of a layer and removes what was written.</param>
    /// <returns>The options with the source hash, as they stand in the new config.json.</returns>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="CheckpointException">
    /// The source is broken, quantized already, or does not suit the options; or the destination exists, or is being written by another
    /// run.
    /// </exception>
    /// <exception cref="IOException">The destination cannot be written, or its disk is too small.</exception>
    public static QuantizationConfig Run(
        string sourceFolder,
        string destinationFolder,
        QuantizationConfig options,
        bool overwrite = false,
        IProgress<QuantizeProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        QuantizationCheck.Options(options);
        CheckApart(sourceFolder, destinationFolder);
        using HuggingFaceCheckpoint source = HuggingFaceCheckpoint.Open(sourceFolder);
        try
        {
            QuantizationCheck.Model(source.Config, options);
            using StagingFolder staging = StagingFolder.Create(destinationFolder, overwrite);
            QuantizationCheck.DiskSpace(staging.Path, source.Config, options);
            QuantizationConfig written = options with
            {
                GroupSize = options.WeightBits == 16 ? 0 : options.GroupSize,
                SourceHash = HashSource(sourceFolder, cancellation),
            };
            new CheckpointQuantizer(source, written, staging.Path, cancellation).WriteAll(sourceFolder, staging, progress);
            return written;
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            // The parts below know tensors, not files: the folder is added here, so that the message says which model it is about.
            throw new CheckpointException(sourceFolder, e.Message, e);
        }
    }

    private void WriteAll(string sourceFolder, StagingFolder staging, IProgress<QuantizeProgress>? progress)
    {
        long start = TimeProvider.System.GetTimestamp();
        int layers = _source.Config.NumLayers;
        void Report(int done, bool finished) => progress?.Report(
            new QuantizeProgress(done, layers, _files.BytesWritten, TimeProvider.System.GetElapsedTime(start), finished));

        for (int layer = 0; layer < layers; layer++)
        {
            _cancellation.ThrowIfCancellationRequested();
            WriteLayer(layer);
            Report(layer + 1, finished: false);
        }

        WriteEmbeddingAndHead();
        _files.WriteIndex();
        ConfigWriter.WriteConfig(Path.Combine(sourceFolder, "config.json"), Path.Combine(staging.Path, "config.json"), _options);
        foreach (string name in SideFiles.Where(name => File.Exists(Path.Combine(sourceFolder, name))))
        {
            File.Copy(Path.Combine(sourceFolder, name), Path.Combine(staging.Path, name));
        }

        _cancellation.ThrowIfCancellationRequested();
        staging.Commit();
        Report(layers, finished: true);
    }

    private void WriteLayer(int layer)
    {
        LayerWeights source = _source.ReadLayer(layer);
        LayerWeights weights = _rotation?.RotateLayer(source, Quantize, _cancellation) ?? Quantize(source);
        var tensors = new List<SafetensorsTensor>();
        AddNorm(tensors, DecoderLayout.InputNorm(layer), weights.InputNorm);
        AddNorm(tensors, DecoderLayout.PostAttentionNorm(layer), weights.PostAttentionNorm);
        foreach ((LinearShape shape, LinearWeights linear) in _layout.Linears(layer).Zip(weights.Linears))
        {
            tensors.AddRange(LinearTensors.Write(shape.Name, linear));
        }

        _files.Write(FileNames.LayerFile(layer), tensors);
    }

    private void WriteEmbeddingAndHead()
    {
        LinearWeights embedding = _rotation?.RotateEmbedding(_source.ReadEmbedding(), WeightFormat.Float16, _cancellation)
            ?? FloatRows.Convert(_source.ReadEmbedding(), WeightFormat.Float16, _cancellation);
        HeadWeights head = _source.ReadHead();
        head = _rotation?.RotateHead(head, WeightFormat.Float16, _cancellation)
            ?? head with { LmHead = FloatRows.Convert(head.LmHead, WeightFormat.Float16, _cancellation) };
        var tensors = new List<SafetensorsTensor>();
        tensors.AddRange(LinearTensors.Write(_layout.EmbeddingTable.Name, embedding));
        tensors.AddRange(LinearTensors.Write(_layout.LmHead.Name, head.LmHead));
        AddNorm(tensors, DecoderLayout.FinalNorm, head.FinalNorm);
        _files.Write(FileNames.EmbedHeadFile, tensors);
    }

    private LayerWeights Quantize(LayerWeights layer) => layer with
    {
        Q = Quantize(layer.Q),
        K = Quantize(layer.K),
        V = Quantize(layer.V),
        O = Quantize(layer.O),
        Gate = Quantize(layer.Gate),
        Up = Quantize(layer.Up),
        Down = Quantize(layer.Down),
    };

    private LinearWeights Quantize(LinearWeights weights) => _options.WeightBits == 16
        ? FloatRows.Convert(weights, WeightFormat.Float16, _cancellation)
        : WeightQuantizer.Quantize(weights, _options.WeightBits, _options.GroupSize, _options.WeightClipSearch, _cancellation);

    private static void AddNorm(List<SafetensorsTensor> tensors, string name, float[]? gain)
    {
        if (gain is not null)
        {
            tensors.Add(LinearTensors.Vector(name, gain));
        }
    }

    private static string HashSource(string folder, CancellationToken cancellation)
    {
        using SafetensorsFolder tensors = SafetensorsFolder.Open(folder);
        return SourceHash.Compute(tensors, cancellation);
    }

    /// <summary>Replacing the source, or a folder that holds it, would destroy what is being read.</summary>
    private static void CheckApart(string source, string destination)
    {
        string from = Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)) + Path.DirectorySeparatorChar;
        string to = Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination)) + Path.DirectorySeparatorChar;
        if (from.StartsWith(to, StringComparison.OrdinalIgnoreCase))
        {
            throw new CheckpointException(destination, "is the source folder or holds it");
        }
    }
}
