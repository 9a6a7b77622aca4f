using Xunit;

namespace QuaRot.Kernels.Tests.GpuDevices;

/// <summary>Tests that look at the GPU's free memory: nobody else may allocate meanwhile.</summary>
[CollectionDefinition(nameof(AloneOnTheGpu), DisableParallelization = true)]
public class AloneOnTheGpu;
