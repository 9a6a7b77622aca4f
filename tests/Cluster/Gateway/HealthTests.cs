using Grpc.Core;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.Health;
using ServingStatus = QuaRot.Contracts.Health.HealthCheckResponse.Types.ServingStatus;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>grpc.health.v1 over a cluster that loads, breaks and shuts down.</summary>
public sealed class HealthTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private SiloCluster _silos = null!;
    private GatewayOver _gateway = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private Health.HealthClient Health => new(_gateway.Channel);

    public async ValueTask InitializeAsync()
    {
        _silos = await SiloCluster.Deploy(lexi.Model, shards: 2, silos: 1);
        _gateway = await GatewayOver.Start(_silos, lexi.Model, shards: 2);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _silos.DisposeAsync();
    }

    [Fact]
    public async Task A_killed_silo_turns_serving_into_not_serving()
    {
        using var watch = Health.Watch(new HealthCheckRequest { Service = "quarot.v1.Inference" });
        await Until(watch, ServingStatus.Serving);
        foreach (var service in new[] { "", "quarot.v1.Inference", "vllm.grpc.engine.VllmEngine", "grpc.health.v1.Health" })
            Assert.Equal(ServingStatus.Serving, await Check(service));

        await _silos.TestCluster.KillSiloAsync(_silos.TestCluster.Primary!);
        await Until(watch, ServingStatus.NotServing);
        foreach (var service in new[] { "", "quarot.v1.Inference", "vllm.grpc.engine.VllmEngine" })
            Assert.Equal(ServingStatus.NotServing, await Check(service));
        Assert.Equal(ServingStatus.Serving, await Check("grpc.reflection.v1.ServerReflection"));
    }

    [Fact]
    public async Task A_shutdown_turns_serving_into_not_serving_and_ends_the_watch()
    {
        using var watch = Health.Watch(new HealthCheckRequest());
        await Until(watch, ServingStatus.Serving);
        _gateway.BeginStop();
        await Until(watch, ServingStatus.NotServing);
        Assert.False(await watch.ResponseStream.MoveNext(Cancelled));
    }

    [Fact]
    public async Task An_unknown_service_is_not_found_by_check_and_told_by_watch()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => Check("no.such.Service"));
        Assert.Equal((StatusCode.NotFound, "service: 'no.such.Service' is not known here"), (error.StatusCode, error.Status.Detail));
        using var watch = Health.Watch(new HealthCheckRequest { Service = "no.such.Service" });
        Assert.True(await watch.ResponseStream.MoveNext(Cancelled));
        Assert.Equal(ServingStatus.ServiceUnknown, watch.ResponseStream.Current.Status);
    }

    private static async Task Until(AsyncServerStreamingCall<HealthCheckResponse> watch, ServingStatus status)
    {
        do
            Assert.True(await watch.ResponseStream.MoveNext(Cancelled), $"the watch ended before it said {status}");
        while (watch.ResponseStream.Current.Status != status);
    }

    private async Task<ServingStatus> Check(string service) =>
        (await Health.CheckAsync(new HealthCheckRequest { Service = service }, cancellationToken: Cancelled)).Status;
}
