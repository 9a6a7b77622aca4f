using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>A decoder layer in twelve launches, each op's roundings those of <see cref="Backend"/>.</summary>
internal sealed class FusedLayer
{
    private readonly GpuDevice _device;
    private readonly ModelConfig _config;
    private readonly int _bits, _index;
    private readonly float[] _clips;
    private readonly PackedW4 _qkv, _o, _gateUp, _down;
    private readonly DeviceMemory? _inputNorm, _inputNormBias, _postAttentionNorm, _postAttentionNormBias;

    /// <summary>Uploads layer <paramref name="layer"/> of the model; <paramref name="index"/> counts from the stage's first.</summary>
    /// <exception cref="GpuException">It does not fit the device's memory.</exception>
    public FusedLayer(GpuDevice device, ModelConfig config, LayerWeights weights, int layer, int index, OwnedResources owner)
    {
        (_device, _config, _bits, _index) = (device, config, config.Quantization!.ActivationBits, index);
        _clips = [.. Enum.GetValues<ActivationSite>().Select(site => config.Quantization.ActivationClipOf(layer, site))];
        _qkv = owner.Own(PackedW4.Pack(device, interleave: false, weights.Q, weights.K, weights.V));
        _o = owner.Own(PackedW4.Pack(device, interleave: false, weights.O));
        _gateUp = owner.Own(PackedW4.Pack(device, interleave: true, weights.Gate, weights.Up));
        _down = owner.Own(PackedW4.Pack(device, interleave: false, weights.Down));
        (_inputNorm, _inputNormBias) = (Norm(weights.InputNorm), Norm(weights.InputNormBias));
        (_postAttentionNorm, _postAttentionNormBias) = (Norm(weights.PostAttentionNorm), Norm(weights.PostAttentionNormBias));

        DeviceMemory? Norm(float[]? vector)
        {
            if (vector is null)
            {
                return null;
            }

            var memory = owner.Own(device.Allocate(vector.Length * sizeof(float), $"a norm of layer {layer}"));
            memory.Write<float>(vector);
            return memory;
        }
    }

    /// <summary>Bytes of the packed weights.</summary>
    public long WeightBytes => _qkv.Bytes + _o.Bytes + _gateUp.Bytes + _down.Bytes + Norms.Sum(vector => vector?.Bytes ?? 0);

    private DeviceMemory?[] Norms => [_inputNorm, _inputNormBias, _postAttentionNorm, _postAttentionNormBias];

    /// <summary>Queues the layer over the first <paramref name="rows"/> rows of the residual stream w.X; appends to the cache.</summary>
    public void Launch(FusedWorkspace w, int rows, IFusedAttention attention, HadamardQuantizer ofHeads, HadamardQuantizer ofDown)
    {
        Normalize(w, _inputNorm, _inputNormBias, rows, ActivationSite.AttentionInput);
        W4Gemm.Launch(_device, w.Codes, _qkv, w.Qkv, rows, W4Gemm.Ending.Store);
        attention.Launch(_index, w.Qkv, w.O);
        ofHeads.Launch(w.O, w.Codes.Codes, w.Codes.Scales, rows, _o.InFeatures, _bits, _clips[(int)ActivationSite.AttentionOutput]);
        W4Gemm.Launch(_device, w.Codes, _o, w.X, rows, W4Gemm.Ending.Add);

        Normalize(w, _postAttentionNorm, _postAttentionNormBias, rows, ActivationSite.MlpInput);
        W4Gemm.Launch(_device, w.Codes, _gateUp, w.U, rows, W4Gemm.Ending.SiluAndMul);
        ofDown.Launch(w.U, w.Codes.Codes, w.Codes.Scales, rows, _down.InFeatures, _bits, _clips[(int)ActivationSite.DownInput]);
        W4Gemm.Launch(_device, w.Codes, _down, w.X, rows, W4Gemm.Ending.Add);
    }

    private void Normalize(FusedWorkspace w, DeviceMemory? gain, DeviceMemory? bias, int rows, ActivationSite site) =>
        _device.Launch(GpuBackend.NormQuantizeKernel(_config.HiddenSize, bias is not null), LaunchGrid.Blocks(rows, 256).Overlapping, 0, w.X, gain, bias, _config.RmsNormEps, w.Codes.Codes, w.Codes.Scales,
            _config.HiddenSize, _config.HiddenSize, (1 << (_bits - 1)) - 1, _clips[(int)site]);
}
