using QuaRot.Checkpoints;
using QuaRot.Checkpoints.QuaRot;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>The demo checkpoint as W4A4KV4, quantized once for all tests of the assembly.</summary>
public sealed class QuantizedLexi : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>As `make run` makes it.</summary>
    public QuantizedLexi() => CheckpointQuantizer.Run(Assets.Lexi, Model, new QuantizationConfig { Seed = 1 });

    public string Model => _folder["lexi-int4"];

    public void Dispose() => _folder.Dispose();
}
