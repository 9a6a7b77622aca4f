using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>On the GPU too, and against what the CPU left: a history may move from one to the other.</summary>
[Trait("device", "gpu")]
public sealed class GpuBatchInvarianceTests() : BatchInvarianceTests(SharedGpu.Require());
