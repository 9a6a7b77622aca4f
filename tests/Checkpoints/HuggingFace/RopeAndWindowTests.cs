using System.Text.Json.Nodes;
using QuaRot.Checkpoints.HuggingFace;
using Xunit;

namespace QuaRot.Checkpoints.Tests.HuggingFace;

/// <summary>The fields of config.json that shape positions: RoPE's base and stretching, and the sliding window.</summary>
public sealed class RopeAndWindowTests : IDisposable
{
    private const string Llama3 = """
        "rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192
        """;

    private const string Qwen2 = "\"architectures\":[\"Qwen2ForCausalLM\"],\"sliding_window\":32";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("{\"rope_theta\":500000,\"rope_scaling\":{" + Llama3 + "}}")]
    [InlineData("{\"rope_parameters\":{\"rope_theta\":500000," + Llama3 + "}}")]
    [InlineData("{\"rope_theta\":500000,\"rope_scaling\":{" + Llama3 + "},\"rope_parameters\":{" + Llama3 + "}}")]
    public void Llama3_scaling_stands_in_either_place(string change)
    {
        var config = Read(change);
        var expected = new RopeScaling
        {
            Kind = RopeScalingKind.Llama3,
            Factor = 8,
            LowFreqFactor = 1,
            HighFreqFactor = 4,
            OriginalMaxPositions = 8192,
        };
        Assert.Equal(500000f, config.RopeTheta);
        Assert.Equal(expected, config.RopeScaling);
    }

    [Theory]
    [InlineData("""{"rope_scaling":{"type":"linear","factor":2.5}}""")]
    [InlineData("""{"rope_parameters":{"rope_type":"linear","factor":2.5}}""")]
    public void Linear_scaling(string change) =>
        Assert.Equal(new RopeScaling { Kind = RopeScalingKind.Linear, Factor = 2.5f }, Read(change).RopeScaling);

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"rope_scaling":null,"rope_parameters":{"rope_type":"default","rope_theta":10000}}""")]
    public void No_scaling(string change) => Assert.Null(Read(change).RopeScaling);

    [Theory]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4}}""",
        "rope_scaling.rope_type is yarn, which is not supported; supported: default, linear, llama3")]
    [InlineData("""{"rope_scaling":{"type":"dynamic","factor":4}}""", "rope_scaling.rope_type is dynamic")]
    [InlineData("""{"rope_parameters":{"rope_type":"longrope"}}""", "rope_parameters.rope_type is longrope")]
    [InlineData("""{"rope_scaling":{"rope_type":"llama3"}}""", "rope_scaling.low_freq_factor is missing")]
    [InlineData("""{"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4}}""",
        "rope_scaling.high_freq_factor is 4, not a number above 4")]
    [InlineData("""{"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4}}""",
        "rope_scaling.original_max_position_embeddings is missing")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear"}}""", "rope_scaling.factor is missing")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear","factor":0.5}}""", "rope_scaling.factor is 0.5; a context is stretched")]
    [InlineData("""{"rope_scaling":{"rope_type":"linear","factor":2},"rope_parameters":{"rope_type":"default"}}""",
        "rope_parameters contradicts rope_scaling")]
    [InlineData("""{"rope_parameters":{"full_attention":{"rope_type":"default"}}}""", "rope_parameters.full_attention is an object")]
    [InlineData("""{"rope_parameters":{"partial_rotary_factor":0.5}}""", "rope_parameters.partial_rotary_factor is below 1")]
    [InlineData("""{"partial_rotary_factor":0.5}""", "partial_rotary_factor is below 1")]
    [InlineData("""{"rope_parameters":3}""", "rope_parameters is 3, not an object")]
    public void Wrong_rope_is_named(string change, string fault) => Refused(change, fault);

    /// <summary>A window shorter than the context limits the context: up to there, both attend to the same positions.</summary>
    [Theory]
    [InlineData("""{"architectures":["MistralForCausalLM"],"sliding_window":32}""", 32)]
    [InlineData("""{"architectures":["MistralForCausalLM"],"sliding_window":128}""", 64)]
    [InlineData("""{"architectures":["MistralForCausalLM"],"sliding_window":null}""", 64)]
    [InlineData("""{"architectures":["MistralForCausalLM"]}""", 64)]
    [InlineData("{" + Qwen2 + "}", 64)]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":false}", 64)]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":true,\"max_window_layers\":1}", 64)]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":true,\"max_window_layers\":0}", 32)]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":true,\"layer_types\":[\"full_attention\"]}", 64)]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":true,\"layer_types\":[\"sliding_attention\"]}", 32)]
    [InlineData("""{"sliding_window":32}""", 64)]
    public void Sliding_window_limits_the_context(string change, int positions) => Assert.Equal(positions, Read(change).MaxPositions);

    [Theory]
    [InlineData("""{"architectures":["MistralForCausalLM"],"sliding_window":0}""", "sliding_window is 0, not a whole number from 1")]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":true}", "max_window_layers is missing")]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":true,\"layer_types\":[\"full_attention\",\"chunked\"]}",
        "layer_types[1] is chunked; known are")]
    [InlineData("{" + Qwen2 + ",\"use_sliding_window\":true,\"layer_types\":\"full\"}", "layer_types is not a list")]
    public void Wrong_window_is_named(string change, string fault) => Refused(change, fault);

    private void Refused(string change, string fault)
    {
        var error = Assert.Throws<CheckpointException>(() => Read(change));
        Assert.Equal(_folder.File("config.json"), error.File);
        Assert.Contains(fault, error.Message);
    }

    private ModelConfig Read(string change)
    {
        var json = JsonNode.Parse(TinyModel.Config)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject())
            json[name] = value?.DeepClone();
        return ModelConfigReader.Read(_folder.Write("config.json", json.ToJsonString()));
    }
}
