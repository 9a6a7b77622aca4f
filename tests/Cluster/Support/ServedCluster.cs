using Grpc.Net.Client;
using QuaRot.Cli.Serving;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>A whole cluster behind a real port, as `quarot serve` starts it, with a client.</summary>
internal sealed class ServedCluster : IAsyncDisposable
{
    private readonly ClusterHost _host;
    private readonly TemporaryFolder? _data;
    private bool _isDisposed;

    private ServedCluster(ClusterHost host, TemporaryFolder? data)
    {
        _host = host;
        _data = data;
        Channel = host.Connect();
        Client = new Inference.InferenceClient(Channel);
    }

    public GrpcChannel Channel { get; }

    public Inference.InferenceClient Client { get; }

    public Uri Address => _host.Address;

    public static async Task<ServedCluster> Start(string model, int shards = 2, string? data = null, int kvTokens = 16 * 1024,
        Func<ServeOptions, ServeOptions>? configure = null)
    {
        var own = data is null ? new TemporaryFolder() : null;
        var options = new ServeOptions { Model = model, Shards = shards, Port = 0, Data = data ?? own!.Path, KvTokens = kvTokens };
        options = configure?.Invoke(options) ?? options;
        return new ServedCluster(await ClusterHost.StartAsync(options, TestContext.Current.CancellationToken), own);
    }

    /// <summary>May be called by a test that wants the end, and again behind it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        Channel.Dispose();
        await _host.DisposeAsync();
        _data?.Dispose();
    }
}
