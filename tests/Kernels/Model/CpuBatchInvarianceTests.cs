using QuaRot.Kernels.Cpu;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

public sealed class CpuBatchInvarianceTests : BatchInvarianceTests
{
    private readonly CpuBackend _cpu;

    public CpuBatchInvarianceTests()
        : this(CpuBackend.Create(threads: 2))
    {
    }

    private CpuBatchInvarianceTests(CpuBackend cpu)
        : base(cpu) => _cpu = cpu;

    [Fact]
    public void One_thread_gives_what_many_give()
    {
        using var single = CpuBackend.Create(threads: 1);
        using var stage = Load(single, new LayerRange(0, 6));
        Prefill([stage], [Length]).RequireEqual(Expected.Value, "one thread");
    }

    public override void Dispose()
    {
        base.Dispose();
        _cpu.Dispose();
    }
}
