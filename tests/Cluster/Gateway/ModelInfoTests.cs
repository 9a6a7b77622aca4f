using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.Health;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>What the gateway says of the model, and its health.</summary>
public sealed class ModelInfoTests(QuantizedLexi lexi) : IAsyncLifetime
{
    private ServedCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await ServedCluster.Start(lexi.Model);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task The_model_and_its_shards_are_described()
    {
        var info = await _cluster.Client.GetModelInfoAsync(new GetModelInfoRequest());
        Assert.Equal(("lexi-int4", "LlamaForCausalLM", 6u, 512u, 8192u), (info.Name, info.Architecture, info.NumLayers, info.HiddenSize, info.VocabSize));
        Assert.Equal((4u, 4u, 4u, 4u), (info.WeightBits, info.ActivationBits, info.KeyBits, info.ValueBits));
        Assert.Equal([(0u, 0u, 3u), (1u, 3u, 6u)], info.Shards.Select(s => (s.Stage, s.FirstLayer, s.EndLayer)));
        Assert.All(info.Shards, s => Assert.True(s.WeightBytes > 0 && s.KvCacheBytes > 0));
    }

    [Fact]
    public async Task Four_bits_are_four_bits_in_memory()
    {
        var info = await _cluster.Client.GetModelInfoAsync(new GetModelInfoRequest());
        const int KvHeads = 4, HeadDim = 64, Layers = 3, Positions = 16 * 1024;
        const long Codes = (long)Positions * Layers * 2 * KvHeads * HeadDim / 2;
        const long ScalesAndMinima = (long)Positions * Layers * 2 * KvHeads * 4;
        Assert.All(info.Shards, s => Assert.Equal((ulong)(Codes + ScalesAndMinima), s.KvCacheBytes));

        // 8.26M weights of three layers at half a byte, an FP16 embedding or head of 8192 x 512, and float32 scales.
        Assert.All(info.Shards, s => Assert.InRange(s.WeightBytes, 12_500_000ul, 12_600_000ul));
    }

    [Fact]
    public async Task Tokenize_and_detokenize_agree_with_the_golden_ids()
    {
        foreach (var golden in Assets.Golden.GetProperty("tokenizer").EnumerateArray())
        {
            var text = golden.GetProperty("text").GetString()!;
            uint[] ids = [.. golden.GetProperty("ids").EnumerateArray().Select(e => e.GetUInt32())];
            Assert.Equal(ids, (await _cluster.Client.TokenizeAsync(new TokenizeRequest { Text = text, ParseSpecial = true })).TokenIds);
            var request = new DetokenizeRequest();
            request.TokenIds.AddRange(ids);
            Assert.Equal(text, (await _cluster.Client.DetokenizeAsync(request)).Text);
        }

        Assert.Equal([0u], (await _cluster.Client.TokenizeAsync(new TokenizeRequest { AddBos = true })).TokenIds);
    }

    [Fact]
    public async Task Health_is_serving_once_the_shards_are_loaded()
    {
        var health = new Health.HealthClient(_cluster.Channel);
        using var watch = health.Watch(new HealthCheckRequest { Service = "quarot.v1.Inference" });
        while (await watch.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
        {
            if (watch.ResponseStream.Current.Status == HealthCheckResponse.Types.ServingStatus.Serving)
                break;
        }

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await health.CheckAsync(new HealthCheckRequest())).Status);
    }
}
