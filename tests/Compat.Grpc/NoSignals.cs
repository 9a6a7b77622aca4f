using Microsoft.Extensions.Hosting;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Leaves signals alone. A host's usual lifetime takes SIGTERM for itself, and a test program with hosts would go on.</summary>
internal sealed class NoSignals : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
