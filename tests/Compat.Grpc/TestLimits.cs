namespace QuaRot.Compat.Grpc.Tests;

internal static class TestLimits
{
    /// <summary>How long one test may take: a call that never ends fails its test instead of holding up the program.</summary>
    public const int Milliseconds = 60_000;
}
