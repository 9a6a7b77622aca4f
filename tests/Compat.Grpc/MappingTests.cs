using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Services as endpoints of an application.</summary>
public sealed class MappingTests
{
    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Conventions_may_be_added_after_other_services_are_mapped()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddGrpc();
        await using var app = builder.Build();

        var probe = app.MapGrpcService<ProbeService>();
        app.MapGrpcService<MissingService>();
        probe.WithMetadata("mark");

        var marked = ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints)
            .Where(e => e.Metadata.GetMetadata<string>() == "mark").Select(e => ((RouteEndpoint)e).RoutePattern)
            .Where(p => p.Parameters.Count == 0).Select(p => p.RawText);
        Assert.Equal(
            new[] { "Ask", "Listen", "Talk" }.Select(m => "/quarot.compat.v1.Probe/" + m), marked.Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = TestLimits.Milliseconds)]
    public async Task Mapping_without_the_services_says_what_is_missing()
    {
        await using var app = WebApplication.CreateSlimBuilder().Build();

        var failure = Assert.Throws<InvalidOperationException>(() => app.MapGrpcService<ProbeService>());

        Assert.Contains("AddGrpc", failure.Message);
    }

    private sealed class MissingService : Missing.MissingBase;
}
