using System.Runtime.InteropServices;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Quantization;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>Turns a Hugging Face checkpoint into a QuaRot one: rotate, quantize, write, one layer at a time.</summary>
/// <remarks>
/// One layer of the source is mapped and one of its matrices rotated at a time: the source is opened anew for each layer, as what was read
/// of a mapped file stays in memory until it is closed. The same source, options and version give the same bytes on every machine. The
/// destination appears whole or not at all: everything is written beside it and renamed at the end.
/// </remarks>
public sealed class CheckpointQuantizer
{
    private static readonly string[] SideFiles =
    [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "chat_template.jinja", "chat_template.json", "generation_config.json",
    ];

    /// <summary>Rows of embedding and head that are rotated before they are written.</summary>
    private const int RowsAtOnce = 8192;

    /// <summary>Bytes of a matrix from which on it is worth a garbage collection.</summary>
    private const int CollectAbove = 16 << 20;

    private readonly string _source;
    private readonly ModelConfig _config;
    private readonly DecoderLayout _layout;
    private readonly QuantizationConfig _options;
    private readonly ModelRotation? _rotation;
    private readonly TensorFiles _files;
    private readonly CancellationToken _cancellation;

    private CheckpointQuantizer(
        string source, ModelConfig config, QuantizationConfig options, string folder, CancellationToken cancellation)
    {
        _source = source;
        _config = config;
        _layout = new DecoderLayout(config);
        _options = options;
        _rotation = options.Rotate ? new ModelRotation(config, options.Seed) : null;
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
        ModelConfig config = ReadConfig(sourceFolder);
        try
        {
            QuantizationCheck.Model(config, options);
            using StagingFolder staging = StagingFolder.Create(destinationFolder, overwrite);
            DiskSpace.Require(staging.Path, QuantizationCheck.EstimateBytes(config, options));
            QuantizationConfig written = options with
            {
                GroupSize = options.WeightBits == 16 ? 0 : options.GroupSize,
                SourceHash = HashSource(sourceFolder, cancellation),
            };
            new CheckpointQuantizer(sourceFolder, config, written, staging.Path, cancellation).WriteAll(staging, progress);
            return written;
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            // The parts below know tensors, not files: the folder is added here, so that the message says which model it is about.
            throw new CheckpointException(sourceFolder, e.Message, e);
        }
    }

    private void WriteAll(StagingFolder staging, IProgress<QuantizeProgress>? progress)
    {
        long start = TimeProvider.System.GetTimestamp();
        int layers = _config.NumLayers;
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
        ConfigWriter.WriteConfig(Path.Combine(_source, "config.json"), Path.Combine(staging.Path, "config.json"), _options);
        foreach (string name in SideFiles.Where(name => File.Exists(Path.Combine(_source, name))))
        {
            File.Copy(Path.Combine(_source, name), Path.Combine(staging.Path, name));
        }

        _cancellation.ThrowIfCancellationRequested();
        staging.Commit();
        Report(layers, finished: true);
    }

    private void WriteLayer(int layer)
    {
        using HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.Open(_source);
        LayerWeights source = checkpoint.ReadLayer(layer);
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
        TensorSpec Matrix(LinearShape shape) => new(shape.Name + ".weight", TensorTypes.F16, [shape.OutFeatures, shape.InFeatures]);
        var specs = new List<TensorSpec> { Matrix(_layout.EmbeddingTable), Matrix(_layout.LmHead) };
        if (_rotation is null)
        {
            specs.Add(new TensorSpec(DecoderLayout.FinalNorm, TensorTypes.F32, [_config.HiddenSize]));
        }

        _files.Write(FileNames.EmbedHeadFile, specs, WriteEmbeddingOrHead);
    }

    private void WriteEmbeddingOrHead(TensorSpec spec, Stream stream)
    {
        using HuggingFaceCheckpoint source = HuggingFaceCheckpoint.Open(_source);
        if (spec.Shape.Count == 1)
        {
            stream.Write(MemoryMarshal.AsBytes(source.ReadHead().FinalNorm.AsSpan()));
            return;
        }

        HeadWeights? head = spec.Name.StartsWith(_layout.LmHead.Name, StringComparison.Ordinal) ? source.ReadHead() : null;
        LinearWeights whole = head?.LmHead ?? source.ReadEmbedding();
        for (int row = 0; row < whole.OutFeatures; row += RowsAtOnce)
        {
            LinearWeights rows = FloatRows.Slice(whole, row, Math.Min(RowsAtOnce, whole.OutFeatures - row));
            LinearWeights halves = _rotation is null ? FloatRows.Convert(rows, WeightFormat.Float16, _cancellation)
                : head is null ? _rotation.RotateEmbedding(rows, WeightFormat.Float16, _cancellation)
                : _rotation.RotateHead(head with { LmHead = rows }, WeightFormat.Float16, _cancellation).LmHead;
            stream.Write(halves.Data.Span);
            GiveBack(halves);
        }
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

    private LinearWeights Quantize(LinearWeights weights)
    {
        LinearWeights result = _options.WeightBits == 16
            ? FloatRows.Convert(weights, WeightFormat.Float16, _cancellation)
            : WeightQuantizer.Quantize(weights, _options.WeightBits, _options.GroupSize, _options.WeightClipSearch, _cancellation);
        GiveBack(weights);
        return result;
    }

    /// <summary>Left alone, the garbage collector keeps the memory of many rotated matrices before it gives any of it back.</summary>
    private static void GiveBack(LinearWeights weights)
    {
        if (weights.Data.Length > CollectAbove)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    private static void AddNorm(List<SafetensorsTensor> tensors, string name, float[]? gain)
    {
        if (gain is not null)
        {
            tensors.Add(LinearTensors.Vector(name, gain));
        }
    }

    private static ModelConfig ReadConfig(string folder)
    {
        using HuggingFaceCheckpoint source = HuggingFaceCheckpoint.Open(folder);
        return source.Config;
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
