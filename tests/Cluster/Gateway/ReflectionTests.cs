using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.Reflection.V1;
using Alpha = QuaRot.Contracts.Reflection.V1Alpha;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>Server reflection: all that a tool without our proto files asks.</summary>
public sealed class ReflectionTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private static readonly string[] AllServices =
    [
        "quarot.v1.Inference", "vllm.grpc.engine.VllmEngine", "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
    ];

    private ServedCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await ServedCluster.Start(lexi.Model, shards: 1);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Services_are_listed()
    {
        var response = Assert.Single(await Ask(new ServerReflectionRequest { Host = "h", ListServices = "" }));
        Assert.Equal(AllServices, response.ListServicesResponse.Service.Select(s => s.Name));
        Assert.Equal(("h", ""), (response.ValidHost, response.OriginalRequest.ListServices));
    }

    [Theory]
    [InlineData("quarot.v1.Inference", "quarot.proto")]
    [InlineData("quarot.v1.Inference.Chat", "quarot.proto")]
    [InlineData("quarot.v1.GenerateResponse", "quarot.proto")]
    [InlineData("quarot.v1.GenerateRequest.input", "quarot.proto")]
    [InlineData("quarot.v1.Usage.prompt_tokens", "quarot.proto")]
    [InlineData("quarot.v1.FinishReason", "quarot.proto")]
    [InlineData("grpc.health.v1.HealthCheckResponse.ServingStatus", "health.proto")]
    [InlineData("google.protobuf.Timestamp", "google/protobuf/timestamp.proto")]
    [InlineData("vllm.grpc.engine.SamplingParams", "vllm_engine.proto")]
    [InlineData("grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto")]
    public async Task A_symbol_is_found_in_its_file(string symbol, string file)
    {
        var response = Assert.Single(await Ask(new ServerReflectionRequest { FileContainingSymbol = symbol }));
        Assert.Equal(file, Files(response)[0].Name);
    }

    [Fact]
    public async Task A_file_comes_with_all_it_imports_and_can_be_built()
    {
        var response = Assert.Single(await Ask(new ServerReflectionRequest { FileByFilename = "quarot.proto" }));
        var files = response.FileDescriptorResponse.FileDescriptorProto;
        var built = FileDescriptor.BuildFromByteStrings(files.Reverse());
        Assert.Equal(["google/protobuf/timestamp.proto", "quarot.proto"], built.Select(f => f.Name));
        Assert.Equal(9, built[1].Services.Single().Methods.Count);
    }

    [Fact]
    public async Task What_is_not_there_is_an_answer_and_the_stream_goes_on()
    {
        var responses = await Ask(
            new ServerReflectionRequest { FileContainingSymbol = "no.such.Symbol" },
            new ServerReflectionRequest { FileByFilename = "no/such.proto" },
            new ServerReflectionRequest { FileContainingExtension = new ExtensionRequest { ContainingType = "quarot.v1.Usage", ExtensionNumber = 9 } },
            new ServerReflectionRequest { AllExtensionNumbersOfType = "no.such.Message" },
            new ServerReflectionRequest { AllExtensionNumbersOfType = "quarot.v1.Usage" },
            new ServerReflectionRequest(),
            new ServerReflectionRequest { ListServices = "*" });
        Assert.Equal((5, "there is no symbol 'no.such.Symbol'"), (responses[0].ErrorResponse.ErrorCode, responses[0].ErrorResponse.ErrorMessage));
        Assert.Equal([5, 5, 5, 5], responses.Take(4).Select(r => r.ErrorResponse.ErrorCode));
        Assert.Equal("quarot.v1.Usage", responses[4].AllExtensionNumbersResponse.BaseTypeName);
        Assert.Equal(3, responses[5].ErrorResponse.ErrorCode);
        Assert.Equal(AllServices.Length, responses[6].ListServicesResponse.Service.Count);
    }

    [Fact]
    public async Task Older_tools_find_it_under_its_older_name()
    {
        using var call = new Alpha.ServerReflection.ServerReflectionClient(_cluster.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new Alpha.ServerReflectionRequest { FileContainingSymbol = "quarot.v1.Inference" });
        await call.RequestStream.CompleteAsync();
        Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        Assert.Equal(2, call.ResponseStream.Current.FileDescriptorResponse.FileDescriptorProto.Count);
        Assert.Equal("quarot.v1.Inference", call.ResponseStream.Current.OriginalRequest.FileContainingSymbol);
        Assert.False(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
    }

    private static FileDescriptorProto[] Files(ServerReflectionResponse response) =>
        [.. response.FileDescriptorResponse.FileDescriptorProto.Select((ByteString f) => FileDescriptorProto.Parser.ParseFrom(f))];

    private async Task<List<ServerReflectionResponse>> Ask(params ServerReflectionRequest[] requests)
    {
        using var call = new ServerReflection.ServerReflectionClient(_cluster.Channel).ServerReflectionInfo();
        foreach (var request in requests)
            await call.RequestStream.WriteAsync(request);
        await call.RequestStream.CompleteAsync();
        var responses = new List<ServerReflectionResponse>();
        await foreach (var response in call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
            responses.Add(response);
        return responses;
    }
}
