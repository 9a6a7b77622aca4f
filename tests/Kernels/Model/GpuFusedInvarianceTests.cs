using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>The fused stage too leaves what the CPU left.</summary>
[Trait("device", "gpu")]
public sealed class GpuFusedInvarianceTests() : BatchInvarianceTests(SharedGpu.Require(), fused: true);
