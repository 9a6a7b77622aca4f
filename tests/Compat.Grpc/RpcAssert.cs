using Grpc.Core;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

internal static class RpcAssert
{
    /// <summary>The call must fail with this code; gives the exception.</summary>
    public static async Task<RpcException> FailsAsync<T>(StatusCode expected, Task<T> call)
    {
        var exception = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.True(expected == exception.StatusCode, $"expected {expected}, got {exception.Status}");
        return exception;
    }
}
