using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels.Gpu;

/// <summary>sample_token on the GPU: only ids cross to the host. The tokens are those of <see cref="TokenSampler"/>.</summary>
/// <remarks>
/// Rows that want log-probabilities, or whose settings are not plain numbers, are copied and sampled on the host; so are rows without sound
/// logits, which is where the host's words for the fault come from. Not thread-safe: the stage that owns it takes turns.
/// </remarks>
internal sealed class GpuSampler : IDisposable
{
    /// <summary>As kParts in sample_token.cu.</summary>
    private const int Parts = 32;

    private const int LargestThreads = 256;
    private const int DrawThreads = 1024;
    private const int Warp = 32;

    /// <summary>sizeof(SampleState) in sample_token.cu.</summary>
    private const int StateBytes = 160;

    /// <summary>Rows drawn in one launch: their candidates take 12 bytes a token.</summary>
    private const int DrawnAtOnce = 16;

    /// <summary>What the kernels' arithmetic on ids allows.</summary>
    private const int LargestVocab = (1 << 24) - 1;

    private readonly GpuDevice _device;
    private readonly int _vocab;
    private readonly DeviceInts _settings;
    private readonly DeviceMemory _states;
    private readonly DeviceMemory _ids;
    private readonly int _maxRows;
    private DeviceMemory? _orders;
    private DeviceMemory? _weights;

    /// <summary>Takes the memory for up to <paramref name="maxRows"/> rows.</summary>
    public GpuSampler(GpuDevice device, int vocab, int maxRows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vocab, LargestVocab);
        (_device, _vocab, _maxRows) = (device, vocab, maxRows);
        _settings = new DeviceInts(device);
        _states = device.Allocate((long)maxRows * StateBytes, $"sampling of {maxRows} rows");
        _states.Fill(0);
        _ids = device.Allocate((long)maxRows * sizeof(int), $"tokens of {maxRows} rows");
    }

    /// <summary>Samples a token for each row, after all work queued before.</summary>
    /// <param name="logits">[rows, vocab] floats; those of penalised tokens are changed.</param>
    /// <param name="rows">How to sample each.</param>
    public SampledToken[] Sample(ulong logits, IReadOnlyList<SamplingRow> rows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows.Count, _maxRows);
        var onHost = new bool[rows.Count];
        var settings = Pack(rows, onHost, out var penaltyStart);
        if (!Array.TrueForAll(onHost, skipped => skipped))
        {
            Launch(logits, rows, onHost, _settings.Set(settings).Address, penaltyStart);
        }

        var ids = new int[rows.Count];
        _ids.Read<int>(ids);
        var tokens = new SampledToken[rows.Count];
        for (var i = 0; i < tokens.Length; i++)
        {
            tokens[i] = onHost[i] || ids[i] < 0 ? OnHost(logits, i, rows[i]) : new SampledToken(ids[i], float.NaN, []);
        }

        return tokens;
    }

    /// <summary>Whether several steps of these rows can be sampled without the host between.</summary>
    public bool CanRepeat(IReadOnlyList<SamplingRow> rows) =>
        rows.All(row => row.LogProbs < 0 && row.RepetitionPenalty == 1f && IsPlain(row));

    /// <summary>Queues the sampling of the first of several steps' rows, which <see cref="CanRepeat"/>; <see cref="QueueStep"/> then does each.</summary>
    public void Begin(IReadOnlyList<SamplingRow> rows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows.Count, _maxRows);
        _settings.Set(Pack(rows, new bool[rows.Count], out _));
        // The steps count the positions there up: the same settings are another upload next time.
        _settings.Forget();
    }

    /// <summary>Queues a step: tokens from <paramref name="logits"/>, and all that the next step reads.</summary>
    /// <param name="logits">[rows, vocab] floats.</param>
    /// <param name="rows">As given to <see cref="Begin"/>.</param>
    /// <param name="tokens">[rows] ints: takes the next step's token ids.</param>
    /// <param name="positions">[rows] ints: each grows by one.</param>
    /// <param name="history">[rows] ints: takes the tokens, -1 for a row without sound logits.</param>
    public void QueueStep(ulong logits, IReadOnlyList<SamplingRow> rows, ulong tokens, ulong positions, ulong history)
    {
        Launch(logits, rows, new bool[rows.Count], _settings.Address, 0);
        _device.Launch("next_step", LaunchGrid.Blocks(1, (int)LaunchGrid.Parts(rows.Count, Warp) * Warp).Overlapping, 0, _ids, _settings.Address, tokens, positions,
            history, rows.Count);
    }

    public void Dispose()
    {
        _settings.Dispose();
        _states.Dispose();
        _ids.Dispose();
        _orders?.Dispose();
        _weights?.Dispose();
    }

    private void Launch(ulong logits, IReadOnlyList<SamplingRow> rows, bool[] onHost, ulong settings, int penaltyStart)
    {
        _device.Launch("sample_largest", LaunchGrid.Blocks(Parts, rows.Count, LargestThreads).Overlapping, 0, logits, _vocab, settings,
            settings + ((ulong)penaltyStart * sizeof(int)), _states, _ids);
        for (var first = 0; first < rows.Count; first += DrawnAtOnce)
        {
            var count = Math.Min(DrawnAtOnce, rows.Count - first);
            if (!Enumerable.Range(first, count).Any(i => !onHost[i] && rows[i].Temperature != 0f))
            {
                continue;
            }

            _orders ??= _device.Allocate((long)Math.Min(_maxRows, DrawnAtOnce) * _vocab * sizeof(ulong), "candidates of sampling");
            _weights ??= _device.Allocate((long)Math.Min(_maxRows, DrawnAtOnce) * _vocab * sizeof(uint), "weights of sampling");
            _device.Launch("sample_drawn", LaunchGrid.Blocks(Parts, count, DrawThreads).Overlapping, 0, logits + ((ulong)first * (ulong)_vocab * sizeof(float)),
                _vocab, settings + (ulong)(first * Unsafe.SizeOf<SampleParameters>()), _states.Address + (ulong)(first * StateBytes), _orders, _weights,
                _ids.Address + (ulong)(first * sizeof(int)));
        }
    }

    // Settings of all rows, then the penalised tokens of all rows.
    private int[] Pack(IReadOnlyList<SamplingRow> rows, bool[] onHost, out int penaltyStart)
    {
        var packed = new SampleParameters[rows.Count];
        var penalised = new List<int>();
        for (var i = 0; i < packed.Length; i++)
        {
            var row = rows[i];
            onHost[i] = row.LogProbs >= 0 || !IsPlain(row);
            var count = onHost[i] || row.RepetitionPenalty == 1f ? 0 : row.PenaltyTokens.Length;
            packed[i] = new SampleParameters(row, penalised.Count, count, onHost[i]);
            penalised.AddRange(row.PenaltyTokens.AsSpan(0, count));
        }

        var ints = MemoryMarshal.Cast<SampleParameters, int>(packed);
        penaltyStart = ints.Length;
        return [.. ints, .. penalised];
    }

    private bool IsPlain(SamplingRow row) =>
        float.IsFinite(row.Temperature) && row.Temperature >= 0 && float.IsFinite(row.TopP) && float.IsFinite(row.MinP)
        && float.IsFinite(row.RepetitionPenalty) && row.RepetitionPenalty > 0
        && Array.TrueForAll(row.PenaltyTokens, id => (uint)id < (uint)_vocab);

    private unsafe SampledToken OnHost(ulong logits, int index, SamplingRow row)
    {
        var copy = new float[_vocab];
        fixed (float* target = copy)
        {
            _device.CopyToHost((nint)target, logits + ((ulong)index * (ulong)_vocab * sizeof(float)), (long)_vocab * sizeof(float));
        }

        return TokenSampler.Sample(copy, row);
    }
}
