using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Gpu.Fused;

namespace QuaRot.Kernels.Forward;

/// <summary>Loads a stage in the fastest way that its model and device allow.</summary>
public static class StageLoader
{
    /// <summary>Fused kernels on a GPU where they take the model, else op by op; the same bits either way.</summary>
    /// <param name="checkpoint">The model; no longer needed after the call.</param>
    /// <param name="range">Layers of the stage.</param>
    /// <param name="backend">Where it runs; stays the caller's, and may serve several stages.</param>
    /// <param name="pageCount">KV pages of 64 positions.</param>
    /// <exception cref="ArgumentException">The range does not fit the model, or a weight its shape.</exception>
    /// <exception cref="CheckpointException">The checkpoint is broken.</exception>
    /// <exception cref="GpuException">It does not fit the GPU's memory.</exception>
    public static IModelStage Load(ICheckpoint checkpoint, LayerRange range, Backend backend, int pageCount) =>
        backend is GpuBackend gpu && FusedStage.WhyNot(checkpoint.Config) is null
            ? FusedStage.Load(checkpoint, range, gpu, pageCount)
            : ModelStage.Load(checkpoint, range, backend, pageCount);
}
