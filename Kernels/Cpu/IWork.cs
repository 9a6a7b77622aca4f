namespace QuaRot.Kernels.Cpu;

/// <summary>The items of one parallel loop. A struct, so that handing it to the workers allocates nothing.</summary>
internal interface IWork
{
    /// <summary>Computes one item on one worker; items may come in any order and on any worker.</summary>
    void Run(int item, int worker);
}
