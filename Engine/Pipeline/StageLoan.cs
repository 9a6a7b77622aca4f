using QuaRot.Kernels;

namespace QuaRot.Engine.Pipeline;

/// <summary>A stage that its device thread leaves to another one until this is disposed.</summary>
internal sealed class StageLoan(IModelStage stage) : IDisposable
{
    // Not disposed: the lender may still be inside Wait when the borrower sets it.
    private readonly ManualResetEventSlim _returned = new();

    /// <summary>The stage, the borrower's alone.</summary>
    public IModelStage Stage => stage;

    /// <summary>Gives the stage back.</summary>
    public void Dispose() => _returned.Set();

    /// <summary>The lender's wait.</summary>
    public void WaitForReturn() => _returned.Wait();
}
