using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels.Gpu.Fused;

/// <summary>Several decode steps at once, also through the stages behind on the same GPU.</summary>
public sealed partial class FusedStage
{
    /// <summary>Steps that there is room for.</summary>
    private const int MostSteps = 64;

    /// <summary>Steps that are queued before the host looks at a token take so long: new work waits for them, and what follows a stop token is thrown away.</summary>
    private const double SecondsOfSteps = 0.02;

    /// <summary>What the launches of a layer take at least, and how fast its weights are read: for an estimate.</summary>
    private const double SecondsOfLaunches = 20e-6, WeightBytesPerSecond = 2e12;

    private DeviceMemory? _history;
    private readonly int _steps;

    /// <summary>As many steps of the whole model as take about <see cref="SecondsOfSteps"/>: between them the host costs what a few layers do.</summary>
    private int StepsWithin(double bytesOfLayer) => Math.Clamp(
        (int)(SecondsOfSteps / (_config.NumLayers * (SecondsOfLaunches + (bytesOfLayer / WeightBytesPerSecond)))), 2, MostSteps);

    /// <inheritdoc/>
    public int StepsAtOnce => IsFirst ? _steps : 1;

    /// <inheritdoc/>
    public SampledToken[][] Decode(ForwardBatch batch, IReadOnlyList<SamplingRow> rows, int steps, params IReadOnlyList<IModelStage> following)
    {
        steps = Math.Min(steps, StepsAtOnce);
        FusedStage[] stages = [this, .. following.OfType<FusedStage>().Where(stage => stage._device == _device)];
        if (stages.Length <= following.Count)
        {
            // Queued ahead for another GPU nothing would be faster, and the tokens would only come later.
            return DecodeSteps.OneByOne([this, .. following], batch, rows, 1);
        }

        var last = stages[^1];
        var sampler = last.SamplerOf(rows.Count);
        if (steps == 1 || !IsStep(batch) || rows.Count != batch.Rows || !sampler.CanRepeat(rows))
        {
            return DecodeSteps.OneByOne(stages, batch, rows, steps);
        }

        var end = batch with { Positions = Array.ConvertAll(batch.Positions, position => position + steps - 1) };
        foreach (var stage in stages)
        {
            end.Require(_config.VocabSize, stage.PageCount, stage._maxPositions);
            stage._decode.Batch.Set(batch, []);
        }

        sampler.Begin(rows);
        var history = last._history ??= last._owned.Own(_device.Allocate(sizeof(int) * MostSteps * MostGraphRows, "tokens of several steps"));
        for (var step = 0; step < steps; step++)
        {
            for (var i = 0; i < stages.Length; i++)
            {
                if (i > 0)
                {
                    _device.Copy(stages[i]._decode.X.Address, stages[i - 1]._decode.X.Address, sizeof(float) * (long)batch.Rows * HiddenSize);
                }

                stages[i].Step(batch, step, stages[i] == last ? batch.Rows : 0);
            }

            sampler.QueueStep(last._head!.LogitsOf(MostGraphRows), rows, _decode.Batch.TokenIds, _decode.Batch.Positions,
                history.Address + (ulong)(sizeof(int) * step * batch.Rows));
            foreach (var stage in stages.AsSpan(1))
            {
                _device.Copy(stage._decode.Batch.Positions, _decode.Batch.Positions, sizeof(int) * batch.Rows);
            }
        }

        var ids = new int[steps * batch.Rows];
        history.Read<int>(ids);
        var sound = ids.AsSpan().IndexOfAnyInRange(int.MinValue, -1) is var fault and >= 0 ? fault / batch.Rows : steps;
        // The first step's fault has words: the host finds them from its logits.
        return sound == 0
            ? DecodeSteps.OneByOne(stages, batch, rows, 1)
            : [.. ids.Chunk(batch.Rows).Take(sound).Select(step => Array.ConvertAll(step, id => new SampledToken(id, float.NaN, [])))];
    }
}
