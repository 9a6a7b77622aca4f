using QuaRot.Checkpoints;
using QuaRot.Kernels.Host;

namespace QuaRot.Kernels.Cpu;

/// <summary>Weight scales as [panels][groups][16], zero for the channels that pad the last panel.</summary>
internal sealed unsafe class PanelScales : IDisposable
{
    private readonly HostMemory _memory;
    private readonly int _groups;

    public PanelScales(LinearWeights source, int panels, int groups)
    {
        _groups = groups;
        _memory = new HostMemory((long)panels * groups * CpuLinear.PanelWidth * sizeof(float));
        for (var row = 0; row < source.OutFeatures; row++)
        {
            var (panel, lane) = Math.DivRem(row, CpuLinear.PanelWidth);
            for (var group = 0; group < groups; group++)
            {
                Panel(panel)[(group * CpuLinear.PanelWidth) + lane] = source.Scales[(row * groups) + group];
            }
        }
    }

    public long Bytes => _memory.Bytes;

    /// <summary>[groups][16]</summary>
    public float* Panel(int panel) => (float*)_memory.Pointer + ((long)panel * _groups * CpuLinear.PanelWidth);

    public void Dispose() => _memory.Dispose();
}
