using System.Security.Cryptography;
using System.Text;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels.Forward;

/// <summary>The forward pass of a layer range over any backend.</summary>
public sealed class ModelStage : IModelStage
{
    private const int FewestWorkspaceRows = 16;

    private readonly Backend _backend;
    private readonly ModelConfig _config;
    private readonly OnlineHadamards? _hadamards;
    private readonly KvCache _cache;
    private readonly RopeTable _rope;
    private readonly PackedLinear? _embedding;
    private readonly List<DecoderLayer> _layers = [];
    private readonly OutputHead? _head;
    private readonly OwnedResources _owned;
    private Workspace _workspace;

    private ModelStage(ICheckpoint checkpoint, LayerRange range, Backend backend, int pageCount, string? checkpointId, OwnedResources owned)
    {
        (_backend, _config, _owned, Layers) = (backend, checkpoint.Config, owned, range);
        _hadamards = OnlineHadamards.For(_config);
        _cache = owned.Own(backend.AllocateKvCache(KvLayout.For(_config, range, pageCount)));
        MaxPositions = (int)Math.Min(_config.MaxPositions, (long)pageCount * PageSize);
        _rope = owned.Own(new RopeTable(backend, MaxPositions, _config.HeadDim, _config.RopeTheta, _config.RopeScaling));
        _embedding = IsFirst ? owned.Own(backend.LoadEmbedding(checkpoint.ReadEmbedding())) : null;
        for (var layer = range.Start; layer < range.End; layer++)
        {
            _layers.Add(new DecoderLayer(backend, _config, checkpoint.ReadLayer(layer), layer, layer - range.Start, owned));
        }

        _head = IsLast ? owned.Own(new OutputHead(backend, _config, checkpoint.ReadHead(), owned)) : null;
        _workspace = new Workspace(backend, _config, FewestWorkspaceRows);
        NumericsId = NumericsIdOf(backend, _config, checkpointId);
    }

    /// <inheritdoc/>
    public LayerRange Layers { get; }

    /// <inheritdoc/>
    public bool IsFirst => Layers.Start == 0;

    /// <inheritdoc/>
    public bool IsLast => Layers.End == _config.NumLayers;

    /// <inheritdoc/>
    public int PageSize => KvLayout.PageSize;

    /// <inheritdoc/>
    public int PageCount => _cache.Layout.PageCount;

    /// <summary>Longest sequence: the model's context, or all pages if they hold less.</summary>
    public int MaxPositions { get; }

    /// <inheritdoc/>
    public string DeviceName => _backend.DeviceName;

    /// <inheritdoc/>
    public int HiddenSize => _config.HiddenSize;

    /// <inheritdoc/>
    public long WeightBytes => (_embedding?.Bytes ?? 0) + _layers.Sum(layer => layer.WeightBytes) + (_head?.WeightBytes ?? 0);

    /// <inheritdoc/>
    public long KvCacheBytes => _cache.Layout.TotalBytes;

    /// <inheritdoc/>
    public string NumericsId { get; }

    /// <summary>The stage's slice of the KV cache.</summary>
    internal KvCache Cache => _cache;

    /// <summary>Reads the layers of a stage (embedding and head only where they belong) and allocates its KV cache.</summary>
    /// <param name="checkpoint">The model; no longer needed after the call.</param>
    /// <param name="range">Layers of the stage.</param>
    /// <param name="backend">Where it runs; stays the caller's, and may serve several stages.</param>
    /// <param name="pageCount">KV pages of 64 positions.</param>
    /// <param name="checkpointId">Hash of the checkpoint for the numerics id; by default a hash of its config and source hash.</param>
    /// <exception cref="ArgumentException">The range does not fit the model, or a weight its shape.</exception>
    /// <exception cref="CheckpointException">The checkpoint is broken.</exception>
    public static ModelStage Load(ICheckpoint checkpoint, LayerRange range, Backend backend, int pageCount, string? checkpointId = null)
    {
        RequireRange(checkpoint.Config, range);
        var owned = new OwnedResources();
        try
        {
            return new ModelStage(checkpoint, range, backend, pageCount, checkpointId, owned);
        }
        catch
        {
            // A checkpoint may turn out broken after gigabytes were packed: give them back, then let the caller decide.
            owned.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Activations Forward(ForwardBatch batch, Activations? input)
    {
        batch.Require(_config.VocabSize, PageCount, MaxPositions);
        EnsureWorkspace(batch.Rows);
        if (IsFirst)
        {
            _backend.EmbedTokens(_embedding!, batch.TokenIds, _workspace.X);
        }
        else
        {
            TakeInput(batch, input);
        }

        foreach (var layer in _layers)
        {
            layer.Forward(batch, _workspace, _cache, _rope, _hadamards);
        }

        if (_head is not null)
        {
            return _head.Forward(batch, _workspace);
        }

        var output = new HostActivations(batch.Rows, HiddenSize);
        _workspace.X.CopyTo(output.Values);
        return output;
    }

    /// <inheritdoc/>
    public Activations Import(ReadOnlySpan<float> values, int rows)
    {
        var activations = new HostActivations(rows, HiddenSize);
        values.CopyTo(activations.Values);
        return activations;
    }

    /// <inheritdoc/>
    public SampledToken[] Sample(Activations logits, IReadOnlyList<SamplingRow> rows)
    {
        if (logits is not HostActivations host || host.Width != _config.VocabSize || host.Rows != rows.Count)
        {
            throw new ArgumentException(
                $"[{logits.Rows}, {logits.Width}] are not logits of {rows.Count} rows and {_config.VocabSize} tokens", nameof(logits));
        }

        return [.. rows.Select((row, index) => TokenSampler.Sample(host.Row(index), row))];
    }

    /// <inheritdoc/>
    public byte[] CopyKvBytes(int layer, int page, int slot)
    {
        var bytes = new byte[_cache.Layout.SlotBytes];
        _cache.CopyKvBytes(layer - Layers.Start, page, slot, bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _workspace.Dispose();
        _owned.Dispose();
    }

    /// <exception cref="ArgumentException">The model has no such layers.</exception>
    internal static void RequireRange(ModelConfig config, LayerRange range)
    {
        if (range.Start < 0 || range.Start >= range.End || range.End > config.NumLayers)
        {
            throw new ArgumentException($"layers {range.Start} to {range.End} of a model with {config.NumLayers}", nameof(range));
        }
    }

    /// <summary>Backend, kernel version, architecture, and the hash of the checkpoint or of its config.</summary>
    internal static string NumericsIdOf(Backend backend, ModelConfig config, string? checkpointId) =>
        $"{backend.Name}/v{Backend.KernelVersion}/{config.Architecture}/{checkpointId ?? ConfigHash(config)}";

    private static string ConfigHash(ModelConfig config) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(config.ToString())))[..16];

    private void TakeInput(ForwardBatch batch, Activations? input)
    {
        if (input is null || input.Rows != batch.Rows || input.Width != HiddenSize)
        {
            throw new ArgumentException(
                $"the stage of layers {Layers.Start} to {Layers.End} needs activations [{batch.Rows}, {HiddenSize}], "
                + $"got {(input is null ? "none" : $"[{input.Rows}, {input.Width}]")}", nameof(input));
        }

        if (input is HostActivations host)
        {
            _workspace.X.CopyFrom(host.Values);
            return;
        }

        var values = new float[input.Rows * input.Width];
        input.CopyTo(values);
        _workspace.X.CopyFrom(values);
    }

    private void EnsureWorkspace(int rows)
    {
        if (rows > _workspace.Rows)
        {
            _workspace.Dispose();
            _workspace = new Workspace(_backend, _config, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)rows));
        }
    }
}
