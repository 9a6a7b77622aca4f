using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Quantization.Balance;
using QuaRot.Checkpoints.Quantization.Gptq;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Kernels.Backends;

namespace QuaRot.Engine.Calibration;

/// <summary>Scales channels of a layer against each other, by what a few calibration sequences show of them.</summary>
internal sealed class LayerBalance(Backend ops, ModelConfig config, ModelRotation rotation, int length)
{
    private const int MostSequences = 4;

    /// <summary>The layer before rotation, balanced.</summary>
    /// <param name="source">The layer before rotation.</param>
    /// <param name="floats">The layer after it, in Float32.</param>
    /// <param name="runner">At this layer; its residual streams stay as they are.</param>
    public LayerWeights Apply(LayerWeights source, LayerWeights floats, LayerRunner runner)
    {
        var (hidden, heads, inner) = (config.HiddenSize, config.NumHeads * config.HeadDim, config.IntermediateSize);
        using var packed = new PackedLayer(ops, floats);
        var (q, k, v, o) = (packed.Load(floats.Q), packed.Load(floats.K), packed.Load(floats.V), packed.Load(floats.O));
        var (gate, up) = (packed.Load(floats.Gate), packed.Load(floats.Up));
        var (inputNorm, mlpNorm) = (new Norm(packed.InputNorm, null), new Norm(packed.PostAttentionNorm, null));
        var (input, output, down) = (SecondMoments.OfOne(hidden), SecondMoments.OfOne(heads), SecondMoments.OfOne(inner));
        var (x, u) = (new float[(long)length * hidden], new float[(long)length * inner]);
        var count = Math.Min(MostSequences, runner.Residuals.Length);
        for (var i = 0; i < count; i++)
        {
            var s = i * runner.Residuals.Length / count;
            runner.Normalized(s, inputNorm, x);
            input.Add(x);
            runner.Attend(s, inputNorm, q, k, v, 1);
            output.Add(runner.Attention[s]);
            var kept = runner.Residuals[s].ToArray();
            runner.AddAttention(s, o, 1);
            runner.DownInput(s, mlpNorm, gate, up, 1, u);
            down.Add(u);
            kept.CopyTo(runner.Residuals[s], 0);
        }

        rotation.UndoOutputInput(output.Values);
        rotation.UndoDownInput(down.Values);
        return ChannelBalance.Apply(source, config, Power(input, floats.Q, floats.K), output.Values, down.Values);
    }

    /// <summary>Mean squares of the outputs of layers that share an input.</summary>
    private static double[] Power(SecondMoments input, params LinearWeights[] linears) => [.. linears.SelectMany(linear =>
    {
        var n = linear.InFeatures;
        var values = MemoryMarshal.Cast<byte, float>(linear.Data.Span).ToArray();
        return ParallelEnumerable.Range(0, linear.OutFeatures).AsOrdered().Select(row =>
        {
            var sum = 0.0;
            for (var i = 0; i < n; i++)
            {
                var dot = 0.0;
                for (var j = 0; j < n; j++)
                    dot += input.Values[(i * n) + j] * values[(row * n) + j];
                sum += dot * values[(row * n) + i];
            }

            var bias = linear.Bias?[row] ?? 0;
            return (sum / input.Count) + (bias * bias);
        });
    })];
}
