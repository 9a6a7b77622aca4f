using QuaRot.Checkpoints;
using QuaRot.Contracts;
using EngineReason = QuaRot.Engine.Turns.FinishReason;
using WireReason = QuaRot.Contracts.V1.FinishReason;

namespace QuaRot.Cluster.Tests;

/// <summary>Numbers that are on the wire or on disk never change.</summary>
public sealed class WireNumbersTests
{
    [Fact]
    public void Finish_reasons() => Assert.Equal(
        [(0, "None", "Unspecified"), (1, "Stop", "Stop"), (2, "StopString", "StopString"), (3, "Length", "Length"),
            (4, "Cancelled", "Cancelled"), (5, "Context", "Context")],
        Enum.GetValues<EngineReason>().Select(r => ((int)r, r.ToString(), ((WireReason)(int)r).ToString())));

    [Fact]
    public void Rejection_reasons() => Assert.Equal(
        "InvalidArgument=1 NotFound=2 Busy=3 Overloaded=4 Unavailable=5",
        string.Join(' ', Enum.GetValues<RejectionReason>().Select(r => $"{r}={(int)r}")));

    [Fact]
    public void Weight_formats() => Assert.Equal(
        "Float32=0 Float16=1 Int8=2 Int4=3 BFloat16=4", string.Join(' ', Enum.GetValues<WeightFormat>().Select(r => $"{r}={(int)r}")));
}
