namespace Grpc.AspNetCore.Server;

/// <summary>Registered by AddGrpc; remembers whether the application has its route for unknown methods already.</summary>
internal sealed class UnimplementedRoute
{
    private int _taken;

    /// <summary>True for the first caller.</summary>
    public bool TryTake() => Interlocked.Exchange(ref _taken, 1) == 0;
}
