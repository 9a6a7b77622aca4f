using System.Runtime.InteropServices;
using System.Security.Cryptography;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization.Gptq;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Kernels.Backends;

namespace QuaRot.Engine.Calibration;

/// <summary>GPTQ over calibration sequences, layer by layer.</summary>
public sealed class CalibratedQuantizer(Backend ops, IReadOnlyList<int[]> sequences, CalibrationOptions calibration) : ILayerQuantizer, IDisposable
{
    private const int ClipSequences = 2;

    private QuantizationConfig _options = null!;
    private ModelConfig _config = null!;
    private ModelRotation? _rotation;
    private LayerBalance? _balance;
    private LayerRunner? _float;
    private LayerRunner _quantized = null!;
    private SiteMoments? _head;

    /// <summary>Told what is being done.</summary>
    public Action<string>? Log { get; init; }

    public string Fingerprint
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var sequence in sequences)
                hash.AppendData(MemoryMarshal.AsBytes(sequence.AsSpan()));
            return $"{calibration} {Convert.ToHexStringLower(hash.GetHashAndReset())}";
        }
    }

    private int Rows => sequences[0].Length;

    private bool Centres => NormBias(_options);

    private bool SearchesClips => calibration.SearchClips && _options.ActivationBits < 16;

    public bool NormBias(QuantizationConfig options) => calibration.CentreInputs && options.ActivationBits < 16;

    public void Begin(ICheckpoint source, QuantizationConfig options, ModelRotation? rotation, CancellationToken cancellation)
    {
        if (options.ActivationGroupSize > 0 && calibration.SearchClips)
            throw new ArgumentException("activation clips are searched for whole tokens, not for groups: give one ratio for all (--activation-clip 0.9), or take --recipe paper");
        (_options, _config, _rotation) = (options, source.Config with { Quantization = null }, rotation);
        _balance = calibration.Balance && rotation is not null ? new LayerBalance(ops, _config, rotation, Rows) : null;
        var embedded = Embed(source.ReadEmbedding());
        _float = calibration.MatchOutputs ? new LayerRunner(ops, _config, options.Rotate, [.. embedded.Select(x => x.ToArray())], Rows) : null;
        var seen = calibration.QuantizedInputs ? options : options with { ActivationBits = 16, KeyBits = 16, ValueBits = 16 };
        _quantized = new LayerRunner(ops, _config with { Quantization = seen }, options.Rotate, embedded, Rows);
    }

    public QuantizedLayer Quantize(int layer, LayerWeights source, CancellationToken cancellation) => Run(layer, source, null, cancellation);

    public void Skip(int layer, LayerWeights source, QuantizedLayer quantized, CancellationToken cancellation) =>
        Run(layer, source, quantized, cancellation);

    public LinearWeights MatchHead(HeadWeights head, CancellationToken cancellation)
    {
        if (_float is null || !calibration.MatchHead)
            return head.LmHead;
        _head ??= HeadMoments(head, cancellation);
        return OutputMatching.Move(head.LmHead, _head.Hessian.Values, _head.Cross!.Values, null, calibration.MatchDamping);
    }

    public void Dispose()
    {
        _float?.Dispose();
        _quantized?.Dispose();
        ops.Dispose();
    }

    private QuantizedLayer Run(int layer, LayerWeights source, QuantizedLayer? done, CancellationToken cancellation)
    {
        var floats = Rotate(source, cancellation);
        if (_balance is not null)
            floats = Rotate(_balance.Apply(source, floats, _float ?? _quantized), cancellation);
        using var exact = new PackedLayer(ops, floats);
        using var rounded = new PackedLayer(ops, floats);
        var clips = new float[ActivationClips.Sites];

        // q, k, v
        var inputNorm = Centre(exact, exact.InputNorm, done, done?.Weights.InputNormBias);
        var attention = Site(ActivationSite.AttentionInput, inputNorm.Absorb(floats.Q, floats.K, floats.V), done, clips, cancellation,
            (runner, s, x) => runner.Normalized(s, inputNorm.Of(runner == _float), x));
        var (fq, fk, fv) = _float is null ? default : (exact.Load(floats.Q), exact.Load(floats.K), exact.Load(floats.V));
        var (q, k, v) = (rounded.Load(attention[0]), rounded.Load(attention[1]), rounded.Load(attention[2]));
        Each(s => _float?.Attend(s, inputNorm.Plain, fq!, fk!, fv!, 1), s => _quantized.Attend(s, inputNorm.Quantized, q, k, v, clips[0]));

        // o
        var output = Site(ActivationSite.AttentionOutput, [floats.O], done, clips, cancellation,
            (runner, s, x) => runner.Attention[s].CopyTo(x, 0));
        var (fo, o) = (_float is null ? null : exact.Load(floats.O), rounded.Load(output[0]));
        Each(s => _float?.AddAttention(s, fo!, 1), s => _quantized.AddAttention(s, o, clips[1]));

        // gate, up
        var mlpNorm = Centre(exact, exact.PostAttentionNorm, done, done?.Weights.PostAttentionNormBias);
        var mlp = Site(ActivationSite.MlpInput, mlpNorm.Absorb(floats.Gate, floats.Up), done, clips, cancellation,
            (runner, s, x) => runner.Normalized(s, mlpNorm.Of(runner == _float), x));
        var (fgate, fup) = _float is null ? default : (exact.Load(floats.Gate), exact.Load(floats.Up));
        var (gate, up) = (rounded.Load(mlp[0]), rounded.Load(mlp[1]));

        // down
        var down = Site(ActivationSite.DownInput, [floats.Down], done, clips, cancellation, (runner, s, x) =>
        {
            if (runner == _float)
                runner.DownInput(s, mlpNorm.Plain, fgate!, fup!, 1, x);
            else
                runner.DownInput(s, mlpNorm.Quantized, gate, up, clips[2], x);
        });
        var (fdown, d) = (_float is null ? null : exact.Load(floats.Down), rounded.Load(down[0]));
        Each(s => _float?.AddMlp(s, mlpNorm.Plain, fgate!, fup!, fdown!, 1, 1),
            s => _quantized.AddMlp(s, mlpNorm.Quantized, gate, up, d, clips[2], clips[3]));
        if (Log is not null && _float is not null)
            Log($"layer {layer}: clips {string.Join(" ", clips)}, residual error {Error():0.0000}");

        var weights = floats with
        {
            InputNormBias = inputNorm.Bias,
            PostAttentionNormBias = mlpNorm.Bias,
            Q = attention[0],
            K = attention[1],
            V = attention[2],
            O = output[0],
            Gate = mlp[0],
            Up = mlp[1],
            Down = down[0],
        };
        return new QuantizedLayer(weights, SearchesClips ? clips : null);
    }

    private double Error()
    {
        double error = 0, total = 0;
        for (var s = 0; s < sequences.Count; s++)
        {
            for (var i = 0; i < _float!.Residuals[s].Length; i++)
            {
                error += Math.Pow(_float.Residuals[s][i] - _quantized.Residuals[s][i], 2);
                total += Math.Pow(_float.Residuals[s][i], 2);
            }
        }

        return error / total;
    }

    private void Each(Action<int> first, Action<int> second)
    {
        for (var s = 0; s < sequences.Count; s++)
        {
            first(s);
            second(s);
        }
    }

    /// <summary>The norm with what moves the mean of its outputs to zero, each runner's to its own.</summary>
    private CentredNorm Centre(PackedLayer layer, FloatBuffer? gain, QuantizedLayer? done, float[]? known)
    {
        var plain = new Norm(gain, null);
        if (!Centres)
            return new CentredNorm(plain, plain, plain, null, null);
        var bias = done is null ? MinusMean(_quantized, plain) : known!;
        var ofFloat = done is null && _float is not null ? MinusMean(_float, plain) : bias;
        return new CentredNorm(plain, new Norm(gain, layer.Upload(bias)), new Norm(gain, layer.Upload(ofFloat)), bias, ofFloat);
    }

    private float[] MinusMean(LayerRunner runner, Norm norm)
    {
        var x = new float[(long)Rows * _config.HiddenSize];
        var means = new ColumnMeans(_config.HiddenSize);
        for (var s = 0; s < sequences.Count; s++)
        {
            runner.Normalized(s, norm, x);
            means.Add(x);
        }

        return Array.ConvertAll(means.Values, mean => -mean);
    }

    private LinearWeights[] Site(
        ActivationSite site, LinearWeights[] linears, QuantizedLayer? done, float[] clips, CancellationToken cancellation, Action<LayerRunner, int, float[]> read)
    {
        // What these two make is added to the residual stream.
        var endsInResidual = site is ActivationSite.AttentionOutput or ActivationSite.DownInput;
        var width = linears[0].InFeatures;
        var x = new float[(long)Rows * width];
        var z = new float[(long)Rows * width];
        ref var clip = ref clips[(int)site];
        clip = done?.ActivationClips?[(int)site] ?? (SearchesClips ? FindClip(linears, width, read) : _options.ActivationClip);
        if (done is not null)
        {
            var names = linears.Select(linear => linear.Name).ToHashSet();
            return [.. done.Weights.Linears.Where(linear => names.Contains(linear.Name))];
        }

        // What rounding leaves of the mean goes into the bias, where there is one for the mean itself.
        var means = Centres && !endsInResidual ? new ColumnMeans(width) : null;
        var moments = new SiteMoments(width, calibration.MatchOutputs, endsInResidual && calibration.ResidualShare > 0 ? _config.HiddenSize : 0);
        var rest = moments.Residual is null ? null : new float[(long)Rows * _config.HiddenSize];
        for (var s = 0; s < sequences.Count; s++)
        {
            cancellation.ThrowIfCancellationRequested();
            read(_quantized, s, z);
            if (calibration.QuantizedInputs)
                ActivationRounding.Round(z, width, _options.ActivationBits, clip, z);
            if (_float is not null)
                read(_float, s, x);
            for (var i = 0; rest is not null && i < rest.Length; i++)
                rest[i] = calibration.ResidualShare * (_float!.Residuals[s][i] - _quantized.Residuals[s][i]);
            moments.Add(z, x, rest);
            means?.Add(z);
        }

        var solved = linears.Select(linear => Solve(linear, moments, cancellation));
        return [.. means is null ? solved : solved.Select(linear => ColumnMeans.AddToBias(linear, means.Values, -1))];
    }

    private SiteMoments HeadMoments(HeadWeights head, CancellationToken cancellation)
    {
        var width = _config.HiddenSize;
        var moments = new SiteMoments(width, cross: true, 0);
        using var gain = head.FinalNorm is { } vector ? ops.Upload(vector) : null;
        var (x, z) = (new float[(long)Rows * width], new float[(long)Rows * width]);
        for (var s = 0; s < sequences.Count; s++)
        {
            cancellation.ThrowIfCancellationRequested();
            _quantized.Normalized(s, new Norm(gain, null), z);
            _float!.Normalized(s, new Norm(gain, null), x);
            moments.Add(z, x, null);
        }

        return moments;
    }

    private LinearWeights Solve(LinearWeights linear, SiteMoments moments, CancellationToken cancellation)
    {
        if (moments.Cross is not null)
            linear = OutputMatching.Move(
                linear, moments.Hessian.Values, moments.Cross.Values, moments.Residual?.Values, calibration.MatchDamping);
        return _options.WeightBits == 16 ? Checkpoints.Quantization.WeightQuantizer.ToHalf(linear, cancellation) : GptqQuantizer.Quantize(linear, moments.Hessian.Values, new GptqOptions
        {
            Bits = _options.WeightBits,
            GroupSize = _options.GroupSize,
            ClipSearch = _options.WeightClipSearch,
            Damping = calibration.Damping,
            OrderByActivation = calibration.OrderByActivation,
            RefinementPasses = calibration.RefinementPasses,
        }, cancellation);
    }

    private float FindClip(LinearWeights[] linears, int width, Action<LayerRunner, int, float[]> read)
    {
        var count = Math.Min(ClipSequences, sequences.Count);
        var all = new float[(long)count * Rows * width];
        var x = new float[(long)Rows * width];
        for (var i = 0; i < count; i++)
        {
            read(_quantized, i * sequences.Count / count, x);
            x.CopyTo(all, (long)i * x.Length);
        }

        return ClipSearch.Find(all, linears, _options.ActivationBits);
    }

    private LayerWeights Rotate(LayerWeights source, CancellationToken cancellation) =>
        _rotation?.RotateLayer(source, weights => weights, cancellation) ?? source;

    private float[][] Embed(LinearWeights table)
    {
        var used = sequences.SelectMany(tokens => tokens).Distinct().Order().ToArray();
        var rowOf = used.Select((token, row) => (token, row)).ToDictionary(pair => pair.token, pair => pair.row);
        var data = new byte[(long)used.Length * table.RowBytes];
        for (var row = 0; row < used.Length; row++)
            table.Data.Span.Slice(checked((int)((long)used[row] * table.RowBytes)), table.RowBytes).CopyTo(data.AsSpan(row * table.RowBytes));
        var few = table with { OutFeatures = used.Length, Data = data };
        var rotated = _rotation?.RotateEmbedding(few, WeightFormat.Float16) ?? few;
        using var packed = ops.LoadEmbedding(rotated);
        using var x = ops.AllocateFloats((long)Rows * _config.HiddenSize);
        return [.. sequences.Select(tokens =>
        {
            ops.EmbedTokens(packed, tokens.Select(token => rowOf[token]).ToArray(), x);
            var values = new float[(long)Rows * _config.HiddenSize];
            x.CopyTo(values);
            return values;
        })];
    }
}
