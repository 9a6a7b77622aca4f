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
/// destination appears whole or not at all: everything is written beside it and renamed at the end. A run that was cancelled or killed
/// leaves its layers there, and the next one with the same source and options goes on behind them.
/// </remarks>
public sealed class CheckpointQuantizer
{
    /// <summary>Changes whenever a layer may come out with other bytes than before, so that no run goes on with an older version's.</summary>
    private const string Format = "2";

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
    private readonly string _staging;
    private readonly ModelConfig _config;
    private readonly DecoderLayout _layout;
    private readonly QuantizationConfig _options;
    private readonly ModelRotation? _rotation;
    private readonly TensorFiles _files;
    private readonly ILayerQuantizer? _calibrated;
    private readonly StagedLayers _staged;
    private readonly CancellationToken _cancellation;

    private CheckpointQuantizer(
        string source, ModelConfig config, QuantizationConfig options, ILayerQuantizer? calibrated,
        StagedLayers staged, string folder, CancellationToken cancellation)
    {
        _calibrated = calibrated;
        _staged = staged;
        _source = source;
        _config = config;
        _layout = new DecoderLayout(config with { Quantization = options });
        _options = options;
        _rotation = options.Rotate ? new ModelRotation(config, options.Seed) : null;
        _files = new TensorFiles(folder);
        _staging = folder;
        _cancellation = cancellation;
    }

    /// <summary>Quantizes the checkpoint in <paramref name="sourceFolder"/>.</summary>
    /// <param name="sourceFolder">A Hugging Face folder that is not quantized.</param>
    /// <param name="destinationFolder">Folder to create.</param>
    /// <param name="options">Bits, groups, rotation, seed and clips; the source hash is filled in.</param>
    /// <param name="overwrite">Replace a destination that exists.</param>
    /// <param name="progress">Told after each layer and at the end.</param>
    /// <param name="cancellation">Stops within a fraction of a layer.</param>
    /// <param name="calibrated">Quantizes the layers; null for <see cref="WeightQuantizer"/>'s rounding to nearest.</param>
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
        CancellationToken cancellation = default,
        ILayerQuantizer? calibrated = null)
    {
        QuantizationCheck.Options(options);
        CheckApart(sourceFolder, destinationFolder);
        ModelConfig config = ReadConfig(sourceFolder);
        try
        {
            QuantizationCheck.Model(config, options);
            QuantizationConfig written = options with
            {
                GroupSize = options.WeightBits == 16 ? 0 : options.GroupSize,
                NormBias = calibrated?.NormBias(options) ?? false,
                SourceHash = HashSource(sourceFolder, cancellation),
            };
            string key = $"{Format} {written} {calibrated?.Fingerprint}";
            using StagingFolder staging = StagingFolder.Create(destinationFolder, overwrite, key);
            StagedLayers staged = StagedLayers.Open(staging.Path, key);
            try
            {
                DiskSpace.Require(staging.Path, QuantizationCheck.EstimateBytes(config, options));
                return new CheckpointQuantizer(sourceFolder, config, written, calibrated, staged, staging.Path, cancellation)
                    .WriteAll(staging, progress);
            }
            catch (OperationCanceledException) when (staged.Count > 0)
            {
                // What is done is kept for the next run; the caller learns that this one was stopped.
                staging.Keep();
                throw;
            }
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            // The parts below know tensors, not files: the folder is added here, so that the message says which model it is about.
            throw new CheckpointException(sourceFolder, e.Message, e);
        }
    }

    private QuantizationConfig WriteAll(StagingFolder staging, IProgress<QuantizeProgress>? progress)
    {
        long start = TimeProvider.System.GetTimestamp();
        int layers = _config.NumLayers;
        void Report(int done, bool finished) => progress?.Report(
            new QuantizeProgress(done, layers, _files.BytesWritten, TimeProvider.System.GetElapsedTime(start), finished));

        if (_calibrated is not null)
        {
            using HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.Open(_source);
            _calibrated.Begin(checkpoint, _options, _rotation, _cancellation);
        }

        for (int layer = 0; layer < layers; layer++)
        {
            _cancellation.ThrowIfCancellationRequested();
            if (layer < _staged.Count)
            {
                TakeUp(layer);
            }
            else
            {
                WriteLayer(layer);
            }

            Report(layer + 1, finished: false);
        }

        WriteEmbeddingAndHead();
        _files.WriteIndex();
        QuantizationConfig written = _staged.Clips.Any(clips => clips is null) ? _options : _options with
        {
            ActivationClip = new QuantizationConfig().ActivationClip,
            ActivationClips = new ActivationClips(_staged.Clips.Select(clips => clips!)),
        };
        ConfigWriter.WriteConfig(Path.Combine(_source, "config.json"), Path.Combine(staging.Path, "config.json"), written);
        foreach (string name in SideFiles.Where(name => File.Exists(Path.Combine(_source, name))))
        {
            File.Copy(Path.Combine(_source, name), Path.Combine(staging.Path, name));
        }

        _cancellation.ThrowIfCancellationRequested();
        staging.Commit();
        Report(layers, finished: true);
        return written;
    }

    private void WriteLayer(int layer)
    {
        using HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.Open(_source);
        LayerWeights source = checkpoint.ReadLayer(layer);
        QuantizedLayer quantized = _calibrated?.Quantize(layer, source, _cancellation)
            ?? new QuantizedLayer(_rotation?.RotateLayer(source, Quantize, _cancellation) ?? Quantize(source), null);
        LayerWeights weights = quantized.Weights;
        var tensors = new List<SafetensorsTensor>();
        AddNorm(tensors, DecoderLayout.InputNorm(layer), weights.InputNorm);
        AddNorm(tensors, DecoderLayout.InputNormBias(layer), weights.InputNormBias);
        AddNorm(tensors, DecoderLayout.PostAttentionNorm(layer), weights.PostAttentionNorm);
        AddNorm(tensors, DecoderLayout.PostAttentionNormBias(layer), weights.PostAttentionNormBias);
        foreach ((LinearShape shape, LinearWeights linear) in _layout.Linears(layer).Zip(weights.Linears))
        {
            tensors.AddRange(LinearTensors.Write(shape.Name, linear));
        }

        _files.Write(FileNames.LayerFile(layer), tensors);
        _staged.Add(quantized.ActivationClips);
    }

    /// <summary>Counts a layer that an earlier run has written, and shows it to the calibration.</summary>
    private void TakeUp(int layer)
    {
        string name = FileNames.LayerFile(layer);
        using SafetensorsFolder file = SafetensorsFolder.OpenFile(Path.Combine(_staging, name));
        _files.Add(name, file.FileOf(file.Names.First()));
        if (_calibrated is null)
        {
            return;
        }

        using HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.Open(_source);
        LayerWeights weights = _layout.Read(
            layer,
            shape => LinearTensors.Read(file, shape, _options.WeightBits, _options.GroupSize),
            vector => new TensorReader(file).Vector(vector, _config.HiddenSize));
        _calibrated.Skip(layer, checkpoint.ReadLayer(layer), new QuantizedLayer(weights, _staged.Clips[layer]), _cancellation);
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
            LinearWeights halves = head is not null ? Head(head with { LmHead = rows })
                : _rotation?.RotateEmbedding(rows, WeightFormat.Float16, _cancellation) ?? FloatRows.Convert(rows, WeightFormat.Float16, _cancellation);
            stream.Write(halves.Data.Span);
            GiveBack(halves);
        }
    }

    private LinearWeights Head(HeadWeights head)
    {
        WeightFormat format = _calibrated is null ? WeightFormat.Float16 : WeightFormat.Float32;
        HeadWeights rotated = _rotation?.RotateHead(head, format, _cancellation)
            ?? head with { LmHead = FloatRows.Convert(head.LmHead, format, _cancellation) };
        return _calibrated is null ? rotated.LmHead : WeightQuantizer.ToHalf(_calibrated.MatchHead(rotated, _cancellation), _cancellation);
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

    private static void AddNorm(List<SafetensorsTensor> tensors, string name, float[]? vector)
    {
        if (vector is not null)
        {
            tensors.Add(LinearTensors.Vector(name, vector));
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
