using System.Text.Json.Nodes;
using QuaRot.Checkpoints.HuggingFace;
using Xunit;

namespace QuaRot.Checkpoints.Tests.HuggingFace;

public sealed class ModelConfigReaderTests : IDisposable
{
    private const string Quantized = """
        {"quant_method":"quarot","weight_bits":4,"activation_bits":8,"key_bits":3,"value_bits":16,"group_size":8,"rotate":false,
         "seed":18446744073709551615,"activation_clip":0.9,"kv_clip":0.95,"weight_clip_search":false,"source_hash":"ab"}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Lexi_is_read()
    {
        var config = ModelConfigReader.Read(Path.Combine(Assets.Lexi, "config.json"));

        var expected = new ModelConfig
        {
            Architecture = "LlamaForCausalLM",
            HiddenSize = 512,
            IntermediateSize = 1280,
            NumLayers = 6,
            NumHeads = 8,
            NumKvHeads = 4,
            HeadDim = 64,
            VocabSize = 8192,
            RmsNormEps = 1e-5f,
            RopeTheta = 10000,
            MaxPositions = 2048,
            TieWordEmbeddings = true,
            BosTokenId = 0,
            EosTokenIds = config.EosTokenIds,
        };
        Assert.Equal(expected, config);
        Assert.Equal([1], config.EosTokenIds);
    }

    [Fact]
    public void Defaults_are_those_of_Llama()
    {
        var config = Read("{}", "head_dim", "num_key_value_heads", "tie_word_embeddings", "eos_token_id", "bos_token_id");

        Assert.Equal((4, 4, false), (config.HeadDim, config.NumKvHeads, config.TieWordEmbeddings));
        Assert.Equal(10000f, config.RopeTheta);
        Assert.Null(config.BosTokenId);
        Assert.Empty(config.EosTokenIds);
    }

    [Theory]
    [InlineData("""{"rope_theta":500000}""", 500000f)]
    [InlineData("""{"rope_parameters":{"rope_theta":1e6,"rope_type":"default"}}""", 1e6f)]
    [InlineData("""{"rope_theta":7.5,"rope_scaling":null}""", 7.5f)]
    [InlineData("""{"rope_theta":5,"rope_scaling":{"type":"default"}}""", 5f)]
    public void Rope_theta_stands_in_either_place(string change, float theta) => Assert.Equal(theta, Read(change).RopeTheta);

    [Fact]
    public void Eos_may_be_a_list() => Assert.Equal([5, 7], Read("""{"eos_token_id":[5,7]}""").EosTokenIds);

    [Theory]
    [InlineData("""{"eos_token_id":[7,2,9]}""", new[] { 2, 7, 9 })]
    [InlineData("""{"eos_token_id":3}""", new[] { 2, 3 })]
    [InlineData("""{"eos_token_id":null}""", new[] { 2 })]
    public void Generation_config_adds_to_the_ends(string generation, int[] expected)
    {
        _folder.Write("generation_config.json", generation);
        Assert.Equal(expected, Read("{}").EosTokenIds);
    }

    [Theory]
    [InlineData("""{"eos_token_id":[2,32]}""", "eos_token_id[1] is 32, not a whole number from 0 to 31")]
    [InlineData("[]", "is not a JSON object")]
    public void Wrong_generation_config_is_named(string generation, string fault)
    {
        string file = _folder.Write("generation_config.json", generation);
        var error = Assert.Throws<CheckpointException>(() => Read("{}"));
        Assert.Equal(file, error.File);
        Assert.Contains(fault, error.Message);
    }

    [Theory]
    [InlineData("{}", false, false, false)]
    [InlineData("""{"attention_bias":true}""", true, true, false)]
    [InlineData("""{"mlp_bias":true}""", false, false, true)]
    [InlineData("""{"architectures":["MistralForCausalLM"]}""", false, false, false)]
    [InlineData("""{"architectures":["Qwen2ForCausalLM"]}""", true, false, false)]
    public void Biases_follow_from_the_architecture(string change, bool qkv, bool output, bool mlp)
    {
        var config = Read(change);
        Assert.Equal((qkv, output, mlp), (config.QkvBias, config.AttentionOutputBias, config.MlpBias));
    }

    [Fact]
    public void Quantization_is_read()
    {
        var expected = new QuantizationConfig
        {
            WeightBits = 4,
            ActivationBits = 8,
            KeyBits = 3,
            ValueBits = 16,
            GroupSize = 8,
            Rotate = false,
            Seed = ulong.MaxValue,
            ActivationClip = 0.9f,
            KvClip = 0.95f,
            WeightClipSearch = false,
            SourceHash = "ab",
        };
        Assert.Equal(expected, Read($$"""{"quantization_config":{{Quantized}}}""").Quantization);
    }

    [Fact]
    public void Activation_clips_of_each_layer_are_read()
    {
        var quantization = Merge(Quantized, """{"activation_clip":[[0.5,0.6,0.7,0.8],[0.9,1,0.25,0.75]],"weight_method":"gptq"}""");
        var config = Read($$"""{"quantization_config":{{quantization.ToJsonString()}},"num_hidden_layers":2}""").Quantization!;
        Assert.Equal(WeightMethod.Gptq, config.WeightMethod);
        Assert.Equal(0.7f, config.ActivationClipOf(0, ActivationSite.MlpInput));
        Assert.Equal(0.9f, config.ActivationClipOf(1, ActivationSite.AttentionInput));
        Assert.Equal(1f, config.ActivationClipOf(1, ActivationSite.AttentionOutput));
        Assert.Equal(0.75f, config.ActivationClipOf(1, ActivationSite.DownInput));
        Assert.Equal(0.8f, new QuantizationConfig { ActivationClip = 0.8f }.ActivationClipOf(7, ActivationSite.DownInput));
    }

    [Theory]
    [InlineData("[[0.5,0.6,0.7,0.8]]", "activation_clip has 1 layers, the model 2")]
    [InlineData("[[0.5,0.6,0.7],[0.5,0.6,0.7,0.8]]", "activation_clip is neither a number nor an array of arrays of 4: activation clips of layer 0 are [0.5, 0.6, 0.7]")]
    [InlineData("[[0.5,0.6,0.7,0],[0.5,0.6,0.7,0.8]]", "activation_clip is neither a number nor an array of arrays of 4: activation clips of layer 0 are [0.5, 0.6, 0.7, 0]")]
    [InlineData("[[0.5,0.6,0.7,\"1\"],[0.5,0.6,0.7,0.8]]", "activation_clip is neither a number nor an array of arrays of 4")]
    [InlineData("[0.5,0.6]", "activation_clip is neither a number nor an array of arrays of 4")]
    public void Wrong_activation_clips(string clips, string fault)
    {
        var quantization = Merge(Quantized, $$"""{"activation_clip":{{clips}}}""");
        Refused($$"""{"quantization_config":{{quantization.ToJsonString()}},"num_hidden_layers":2}""", "quantization_config." + fault);
    }

    [Theory]
    [InlineData("""{"weight_method":"awq"}""", "weight_method is awq; supported: rtn, gptq")]
    [InlineData("""{"quant_method":"gptq"}""", "quant_method is gptq")]
    [InlineData("""{"weight_bits":2}""", "weight_bits is 2; supported: 3, 4, 5, 6, 7, 8, 16")]
    [InlineData("""{"key_bits":"4"}""", "key_bits is \"4\", not a whole number")]
    [InlineData("""{"group_size":7}""", "group_size is 7, which does not divide")]
    [InlineData("""{"activation_group_size":7}""", "activation_group_size is 7, which does not divide")]
    [InlineData("""{"seed":-1}""", "seed is -1")]
    [InlineData("""{"kv_clip":0}""", "kv_clip is 0, not a number above 0 and up to 1")]
    [InlineData("""{"activation_clip":1.5}""", "activation_clip is 1.5")]
    [InlineData("""{"rotate":null}""", "rotate is missing")]
    [InlineData("""{"source_hash":null}""", "source_hash is missing")]
    public void Wrong_quantization(string change, string fault)
    {
        var quantization = Merge(Quantized, change);

        Refused($$"""{"quantization_config":{{quantization.ToJsonString()}}}""", "quantization_config." + fault);
    }

    [Theory]
    [InlineData("architectures")]
    [InlineData("hidden_size")]
    [InlineData("intermediate_size")]
    [InlineData("num_hidden_layers")]
    [InlineData("num_attention_heads")]
    [InlineData("vocab_size")]
    [InlineData("rms_norm_eps")]
    [InlineData("max_position_embeddings")]
    public void Missing_field_is_named(string field) => Refused($$"""{"{{field}}":null}""", $"{field} is missing");

    [Theory]
    [InlineData("""{"architectures":["GPT2LMHeadModel"]}""", "GPT2LMHeadModel, which is not supported; supported: LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM")]
    [InlineData("""{"architectures":"LlamaForCausalLM"}""", "architectures is not a list")]
    [InlineData("""{"architectures":[7]}""", "architectures[0] is 7, not a string")]
    [InlineData("""{"hidden_size":0}""", "hidden_size is 0, not a whole number from 1 to 1048576")]
    [InlineData("""{"hidden_size":1048577}""", "hidden_size is 1048577")]
    [InlineData("""{"hidden_size":"16"}""", "hidden_size is \"16\"")]
    [InlineData("""{"num_hidden_layers":-2}""", "num_hidden_layers is -2")]
    [InlineData("""{"vocab_size":1e99}""", "vocab_size is 1e99")]
    [InlineData("""{"num_key_value_heads":3}""", "num_key_value_heads is 3, which does not divide num_attention_heads 4")]
    [InlineData("""{"num_attention_heads":5,"num_key_value_heads":5,"head_dim":null}""", "is 5, which does not divide hidden_size 16")]
    [InlineData("""{"head_dim":5}""", "head_dim is 5; rotary embeddings need an even number")]
    [InlineData("""{"num_attention_heads":1048576,"head_dim":4096}""", "head_dim is 4096; times")]
    [InlineData("""{"rms_norm_eps":-1e-5}""", "rms_norm_eps is -1e-5")]
    [InlineData("""{"rope_theta":0}""", "rope_theta is 0")]
    [InlineData("""{"hidden_act":"gelu"}""", "hidden_act is gelu")]
    [InlineData("""{"eos_token_id":[1,32]}""", "eos_token_id[1] is 32")]
    [InlineData("""{"bos_token_id":-1}""", "bos_token_id is -1")]
    [InlineData("""{"architectures":["MistralForCausalLM"],"num_key_value_heads":null}""", "num_key_value_heads is missing")]
    [InlineData("""{"attention_bias":1}""", "attention_bias is 1, not true or false")]
    [InlineData("""{"tie_word_embeddings":1}""", "tie_word_embeddings is 1, not true or false")]
    public void Wrong_field(string change, string fault) => Refused(change, fault);

    [Theory]
    [InlineData("[]", "is not a JSON object")]
    [InlineData("{", "cannot be read")]
    [InlineData("""{"architectures":["\ud800"]}""", "architectures[0] is not valid text")]
    public void Wrong_file(string text, string fault) => RefusedFile(_folder.Write("config.json", text), fault);

    [Fact]
    public void Missing_file() => RefusedFile(_folder.File("config.json"), "cannot be read");

    private ModelConfig Read(string change, params string[] remove)
    {
        var json = Merge(TinyModel.Config, change);
        foreach (string field in remove)
            json.Remove(field);
        return ModelConfigReader.Read(_folder.Write("config.json", json.ToJsonString()));
    }

    private void Refused(string change, string fault)
    {
        string path = _folder.Write("config.json", Merge(TinyModel.Config, change).ToJsonString());
        RefusedFile(path, fault);
    }

    private static void RefusedFile(string path, string fault)
    {
        var error = Assert.Throws<CheckpointException>(() => ModelConfigReader.Read(path));
        Assert.Equal(path, error.File);
        Assert.Contains(fault, error.Message);
    }

    private static JsonObject Merge(string json, string change)
    {
        var result = JsonNode.Parse(json)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject())
            result[name] = value?.DeepClone();
        return result;
    }
}
