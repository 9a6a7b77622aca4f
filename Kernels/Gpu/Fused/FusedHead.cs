using QuaRot.Checkpoints;
using QuaRot.Kernels.Forward;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Final norm and lm_head of the last stage; both stay in float.</summary>
internal sealed class FusedHead : IDisposable
{
    private readonly GpuDevice _device;
    private readonly ModelConfig _config;
    private readonly DeviceMemory? _norm;
    private readonly GpuLinear _lmHead;
    private readonly GrowingMemory _hidden, _logits;

    public FusedHead(GpuBackend backend, ModelConfig config, HeadWeights weights, OwnedResources owner)
    {
        (_device, _config) = (backend.Device, config);
        _lmHead = (GpuLinear)owner.Own(backend.LoadLinear(weights.LmHead));
        (_hidden, _logits) = (new GrowingMemory(_device, "output rows"), new GrowingMemory(_device, "logits"));
        if (weights.FinalNorm is { } gain)
        {
            _norm = owner.Own(_device.Allocate(gain.Length * sizeof(float), "the final norm"));
            _norm.Write<float>(gain);
        }
    }

    public long WeightBytes => _lmHead.Bytes + (_norm?.Bytes ?? 0);

    /// <summary>How often its buffers have moved.</summary>
    public int Moves => _hidden.Moves + _logits.Moves;

    /// <summary>Where the logits of so many rows lie; moves when more rows than ever are asked for.</summary>
    public ulong LogitsOf(int rows)
    {
        _hidden.Require((long)rows * _config.HiddenSize * sizeof(float));
        return _logits.Require((long)rows * _config.VocabSize * sizeof(float));
    }

    /// <summary>Queues logits [count, vocab] of the rows of x that <paramref name="outputRows"/> (device ints) lists.</summary>
    public void Launch(DeviceMemory x, ulong outputRows, int count)
    {
        var logits = LogitsOf(count);
        var hidden = _hidden.Require((long)count * _config.HiddenSize * sizeof(float));
        var width = _config.HiddenSize;
        _device.Launch("gather_rows", LaunchGrid.Blocks(count, 256).Overlapping, 0, x, outputRows, hidden, width);
        _device.Launch("rms_norm", LaunchGrid.Blocks(count, 256).Overlapping, 0, hidden, _norm, (DeviceMemory?)null, _config.RmsNormEps, hidden, width);
        GpuBackend.LaunchFloatGemm(_device, hidden, width, _lmHead, logits, count, accumulate: false);
    }

    public void Dispose()
    {
        _hidden.Dispose();
        _logits.Dispose();
    }
}
