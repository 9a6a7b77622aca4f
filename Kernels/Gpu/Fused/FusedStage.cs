using System.Numerics;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>A stage of a 4-bit model on one GPU by fused kernels: a dozen launches a layer, a decode step of known shape as one graph.</summary>
/// <remarks>The same bits as <see cref="ModelStage"/> gives on any backend.</remarks>
public sealed partial class FusedStage : IModelStage
{
    /// <summary>Rows up to which a decode step is replayed as a graph.</summary>
    private const int MostGraphRows = 64;

    private readonly GpuDevice _device;
    private readonly ModelConfig _config;
    private readonly OwnedResources _owned;
    private readonly GpuKvCache _cache;
    private readonly RopeTable _rope;
    private readonly GpuLinear? _embedding;
    private readonly List<FusedLayer> _layers = [];
    private readonly FusedHead? _head;
    private readonly HadamardQuantizer _ofHeads, _ofDown;
    private readonly ActivationPool _pool;
    private readonly FusedWorkspace _decode;
    private readonly FusedAttention _decodeAttention;
    private readonly DecodeGraphs _graphs = new();
    private readonly int _maxPositions;
    private FusedWorkspace? _prefill;
    private FusedAttention? _prefillAttention;
    private GpuSampler? _sampler;
    private int _samplerRows;
    private bool _isProfiled;

    private FusedStage(ICheckpoint checkpoint, LayerRange range, GpuBackend backend, int pageCount, OwnedResources owned)
    {
        (_device, _config, _owned, Layers) = (backend.Device, checkpoint.Config, owned, range);
        _cache = (GpuKvCache)owned.Own(backend.AllocateKvCache(KvLayout.For(_config, range, pageCount)));
        _maxPositions = (int)Math.Min(_config.MaxPositions, (long)pageCount * PageSize);
        _rope = owned.Own(new RopeTable(backend, _maxPositions, _config.HeadDim, _config.RopeTheta, _config.RopeScaling));
        _embedding = IsFirst ? (GpuLinear)owned.Own(backend.LoadEmbedding(checkpoint.ReadEmbedding())) : null;
        for (var layer = range.Start; layer < range.End; layer++)
        {
            _layers.Add(new FusedLayer(_device, _config, checkpoint.ReadLayer(layer), layer, layer - range.Start, owned));
        }

        _head = IsLast ? owned.Own(new FusedHead(backend, _config, checkpoint.ReadHead(), owned)) : null;
        var hadamards = OnlineHadamards.For(_config)!;
        (_ofHeads, _ofDown) = (backend.Quantizer(hadamards.AttentionOutput), backend.Quantizer(hadamards.DownInput));
        _pool = owned.Own(new ActivationPool(_device));
        _decode = owned.Own(new FusedWorkspace(_device, _config, MostGraphRows, _maxPositions));
        _decodeAttention = owned.Own(new FusedAttention(_device, _config, _cache, _rope, MostGraphRows));
        NumericsId = ModelStage.NumericsIdOf(backend, _config, null);
        _steps = StepsWithin(_layers.Average(layer => layer.WeightBytes));
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

    /// <inheritdoc/>
    public string DeviceName => _device.Info.DeviceName;

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

    /// <summary>Why a model is not for this stage; null where it is.</summary>
    public static string? WhyNot(ModelConfig config) => FusedSupport.WhyNot(config);

    /// <summary>Uploads the layers of a stage (embedding and head only where they belong) and allocates its KV cache.</summary>
    /// <param name="checkpoint">The model; no longer needed after the call.</param>
    /// <param name="range">Layers of the stage.</param>
    /// <param name="backend">The GPU; stays the caller's, and may serve several stages.</param>
    /// <param name="pageCount">KV pages of 64 positions.</param>
    /// <exception cref="ArgumentException">The model is not for this stage; says why.</exception>
    /// <exception cref="CheckpointException">The checkpoint is broken.</exception>
    /// <exception cref="GpuException">It does not fit the GPU's memory; says what, how much, and how much is free.</exception>
    public static FusedStage Load(ICheckpoint checkpoint, LayerRange range, GpuBackend backend, int pageCount)
    {
        if (WhyNot(checkpoint.Config) is { } reason)
        {
            throw new ArgumentException(reason, nameof(checkpoint));
        }

        ModelStage.RequireRange(checkpoint.Config, range);
        var owned = new OwnedResources();
        try
        {
            return new FusedStage(checkpoint, range, backend, pageCount, owned);
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
        batch.Require(_config.VocabSize, PageCount, _maxPositions);
        var outputs = IsLast ? batch.OutputRows.Length : 0;
        var isStep = IsStep(batch);
        var w = isStep ? _decode : PrefillWorkspace(batch.Rows);
        var lists = isStep ? null : new AttentionRows(batch);
        w.Batch.Set(batch, lists is null ? [] : lists.Ints);
        TakeInput(batch, input, w);
        if (isStep)
        {
            Step(batch, 0, outputs);
        }
        else
        {
            var attention = _prefillAttention!.Mixed(w.Batch, batch.Rows, lists!);
            _head?.LogitsOf(outputs);
            _device.Together(() => Launch(w, batch.Rows, outputs, attention));
        }

        if (IsLast)
        {
            return new GpuLogits(_device, outputs == 0 ? 0 : _head!.LogitsOf(outputs), outputs, _config.VocabSize);
        }

        return _pool.Copy(w.X.Address, batch.Rows, HiddenSize);
    }

    /// <inheritdoc/>
    public Activations Import(ReadOnlySpan<float> values, int rows)
    {
        var activations = new HostActivations(rows, HiddenSize);
        values.CopyTo(activations.Values);
        return activations;
    }

    /// <inheritdoc/>
    public byte[] CopyKvBytes(int layer, int page, int slot)
    {
        var bytes = new byte[_cache.Layout.SlotBytes];
        _cache.CopyKvBytes(layer - Layers.Start, page, slot, bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public SampledToken[] Sample(Activations logits, IReadOnlyList<SamplingRow> rows)
    {
        if (logits.Width != _config.VocabSize || logits.Rows != rows.Count)
        {
            throw new ArgumentException(
                $"[{logits.Rows}, {logits.Width}] are not logits of {rows.Count} rows and {_config.VocabSize} tokens", nameof(logits));
        }

        if (logits is not GpuLogits here)
        {
            throw new ArgumentException("logits of another stage", nameof(logits));
        }

        return SamplerOf(rows.Count).Sample(here.Address, rows);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _graphs.Dispose();
        _prefill?.Dispose();
        _prefillAttention?.Dispose();
        _sampler?.Dispose();
        _owned.Dispose();
    }

    /// <summary>Waits until the GPU has done what was asked: a forward pass of a stage that is not sampled from returns before.</summary>
    public void Wait() => _device.Wait();

    /// <summary>Milliseconds by kernel of a forward pass, its kernels launched one by one.</summary>
    public IReadOnlyDictionary<string, double> Profile(ForwardBatch batch)
    {
        _isProfiled = true;
        try
        {
            return _device.Profile(() => Forward(batch, null).Dispose());
        }
        finally
        {
            _isProfiled = false;
        }
    }

    private bool IsStep(ForwardBatch batch) => batch.Rows <= MostGraphRows && batch.BlockTables.Length == batch.Rows
        && (batch.OutputRows.Length == 0 || batch.OutputRows.Length == batch.Rows) && batch.SequenceOfRow.Distinct().Count() == batch.Rows;

    private GpuSampler SamplerOf(int rows)
    {
        if (_sampler is null || _samplerRows < rows)
        {
            _sampler?.Dispose();
            _samplerRows = Math.Max(MostGraphRows, (int)BitOperations.RoundUpToPowerOf2((uint)rows));
            _sampler = new GpuSampler(_device, _config.VocabSize, _samplerRows);
        }

        return _sampler;
    }

    /// <summary>Queues a decode step of what lies in the batch on the device, <paramref name="ahead"/> positions after <paramref name="batch"/>.</summary>
    private void Step(ForwardBatch batch, int ahead, int outputs)
    {
        // Contexts grow by doublings, so that a graph lasts; blocks of spans that a row does not have leave at once.
        var spans = (int)BitOperations.RoundUpToPowerOf2((uint)FlashAttention.SpansFor(batch.Positions.Max() + ahead));
        var attention = _decodeAttention.Decode(_decode.Batch, batch.Rows, spans);
        _head?.LogitsOf(MostGraphRows);
        var moves = _decodeAttention.Moves + (_head?.Moves ?? 0);
        var graph = _isProfiled ? null : _graphs.Get((batch.Rows, spans, outputs), moves, () => _device.Capture(Queue));
        if (graph is null)
        {
            _device.Together(Queue);
        }
        else
        {
            graph.Launch();
        }

        void Queue() => Launch(_decode, batch.Rows, outputs, attention);
    }

    private void Launch(FusedWorkspace w, int rows, int outputs, IFusedAttention attention)
    {
        if (_embedding is not null)
        {
            _device.Launch("embed_tokens", LaunchGrid.Blocks(rows, 256), 0, _embedding.Data, _embedding.Format == WeightFormat.Float16,
                GpuRows.Pad(_embedding.InFeatures), w.Batch.TokenIds, w.X, _embedding.InFeatures);
        }

        foreach (var layer in _layers)
        {
            layer.Launch(w, rows, attention, _ofHeads, _ofDown);
        }

        if (outputs > 0)
        {
            _head!.Launch(w.X, w.Batch.OutputRows, outputs);
        }
    }

    private FusedWorkspace PrefillWorkspace(int rows)
    {
        if (_prefill is null || _prefill.Capacity < rows)
        {
            _prefill?.Dispose();
            _prefillAttention?.Dispose();
            var capacity = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(rows, MostGraphRows));
            _prefill = new FusedWorkspace(_device, _config, capacity, _maxPositions);
            _prefillAttention = new FusedAttention(_device, _config, _cache, _rope, capacity);
        }

        return _prefill;
    }

    private void TakeInput(ForwardBatch batch, Activations? input, FusedWorkspace w)
    {
        if (IsFirst)
        {
            return;
        }

        if (input is null || input.Rows != batch.Rows || input.Width != HiddenSize)
        {
            throw new ArgumentException(
                $"the stage of layers {Layers.Start} to {Layers.End} needs activations [{batch.Rows}, {HiddenSize}], "
                + $"got {(input is null ? "none" : $"[{input.Rows}, {input.Width}]")}", nameof(input));
        }

        var bytes = sizeof(float) * (long)input.Rows * input.Width;
        if (input is GpuActivations here && here.Device == _device)
        {
            _device.Copy(w.X.Address, here.Memory.Address, bytes);
            return;
        }

        if (input is GpuActivations there)
        {
            // Another GPU of this process: its work first, then a peer copy, and only then may it use the buffer again. The GPUs wait, not the host.
            _device.After(there.Written!);
            _device.Copy(w.X.Address, there.Memory.Address, bytes);
            there.Copied = _device.Mark();
            return;
        }

        var values = new float[input.Rows * input.Width];
        input.CopyTo(values);
        w.X.Write<float>(values);
    }
}
