using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Quantization;
using Xunit;

namespace QuaRot.Checkpoints.Tests.HuggingFace;

public sealed class HuggingFaceCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("F32", WeightFormat.Float32)]
    [InlineData("F16", WeightFormat.Float16)]
    [InlineData("BF16", WeightFormat.BFloat16)]
    public void Every_weight_comes_back(string dtype, WeightFormat format)
    {
        var model = new TinyModel();
        model.Save(_folder, dtype);
        using var checkpoint = HuggingFaceCheckpoint.Open(_folder.Path);
        var layer = checkpoint.ReadLayer(0);
        var head = checkpoint.ReadHead();

        LinearWeights[] matrices =
            [checkpoint.ReadEmbedding(), layer.Q, layer.K, layer.V, layer.O, layer.Gate, layer.Up, layer.Down, head.LmHead];
        Assert.Equal(TinyModel.Shapes.Where(s => s.Shape.Length == 2).Select(s => s.Name), matrices.Select(m => m.Name));
        foreach (var matrix in matrices)
        {
            Assert.Equal(format, matrix.Format);
            Assert.Equal(model.Tensors[matrix.Name].Shape, new long[] { matrix.OutFeatures, matrix.InFeatures });
            Assert.Equal(model.Tensors[matrix.Name].Values, Decode(matrix));
        }

        Assert.Equal(model.Tensors["model.layers.0.input_layernorm.weight"].Values, layer.InputNorm);
        Assert.Equal(model.Tensors["model.layers.0.post_attention_layernorm.weight"].Values, layer.PostAttentionNorm);
        Assert.Equal(model.Tensors["model.norm.weight"].Values, head.FinalNorm);
    }

    [Fact]
    public void Lexi_is_read_whole_and_its_head_is_its_embedding()
    {
        using var checkpoint = HuggingFaceCheckpoint.Open(Assets.Lexi);

        for (int i = 0; i < checkpoint.Config.NumLayers; i++)
            Assert.Equal((512, 1280), (checkpoint.ReadLayer(i).Down.OutFeatures, checkpoint.ReadLayer(i).Down.InFeatures));
        var head = checkpoint.ReadHead();
        Assert.Equal("model.embed_tokens.weight", head.LmHead.Name);
        Assert.True(head.LmHead.Data.Span == checkpoint.ReadEmbedding().Data.Span, "the tied head must view the embedding");
        Assert.Equal(8192 * 512 * 2, head.LmHead.Data.Length);
        Assert.All(head.FinalNorm!, gain => Assert.True(gain > 0));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(6)]
    public void Layer_out_of_range(int layer)
    {
        using var checkpoint = HuggingFaceCheckpoint.Open(Assets.Lexi);

        Assert.Throws<ArgumentOutOfRangeException>("layer", () => checkpoint.ReadLayer(layer));
    }

    public static TheoryData<string> TensorNames => [.. TinyModel.Shapes.Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(TensorNames))]
    public void Missing_tensor_is_named(string name)
    {
        var model = new TinyModel();
        model.Tensors.Remove(name);

        Refused(model, "F32", name, "is missing");
    }

    [Theory]
    [MemberData(nameof(TensorNames))]
    public void Wrong_shape_is_named(string name)
    {
        var model = new TinyModel();
        var (shape, values) = model.Tensors[name];
        model.Tensors[name] = ([.. shape.Reverse(), 1], values);

        Refused(model, "F16", name, $"the config asks for [{string.Join(", ", shape)}]");
    }

    [Theory]
    [InlineData("F32", float.NaN)]
    [InlineData("F16", float.NegativeInfinity)]
    [InlineData("BF16", float.PositiveInfinity)]
    public void Every_position_of_a_bad_value_is_found(string dtype, float bad)
    {
        for (int i = 0; i < 16; i++)
        {
            var model = new TinyModel();
            model.Tensors["model.norm.weight"].Values[i] = bad;
            Refused(model, dtype, "model.norm.weight", $"element {i} is NaN or infinite");
        }

        var last = new TinyModel();
        last.Tensors["lm_head.weight"].Values[^1] = bad;
        Refused(last, dtype, "lm_head.weight", "element 511 is NaN or infinite");
    }

    [Fact]
    public void Integer_tensors_are_refused() =>
        Refused(new TinyModel(), "I8", "model.embed_tokens.weight", "type I8; expected F32, F16 or BF16");

    [Fact]
    public void Bias_that_the_config_does_not_know_is_refused()
    {
        var model = new TinyModel();
        model.Tensors["model.layers.0.self_attn.v_proj.bias"] = ([8], new float[8]);

        Refused(model, "F32", "model.layers.0.self_attn.v_proj.bias", "by config.json this layer has no bias");
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("BF16")]
    public void Biases_of_Qwen2_are_read(string dtype)
    {
        var model = TinyModel.OfQwen2();
        model.Save(_folder, dtype);
        using var checkpoint = HuggingFaceCheckpoint.Open(_folder.Path);
        var layer = checkpoint.ReadLayer(0);
        Assert.Equal(model.Tensors["model.layers.0.self_attn.q_proj.bias"].Values, layer.Q.Bias);
        Assert.Equal(model.Tensors["model.layers.0.self_attn.k_proj.bias"].Values, layer.K.Bias);
        Assert.Equal(model.Tensors["model.layers.0.self_attn.v_proj.bias"].Values, layer.V.Bias);
        Assert.All([layer.O, layer.Gate, layer.Up, layer.Down], linear => Assert.Null(linear.Bias));
    }

    [Fact]
    public void Missing_bias_is_named()
    {
        var model = TinyModel.OfQwen2();
        model.Tensors.Remove("model.layers.0.self_attn.k_proj.bias");

        Refused(model, "F16", "model.layers.0.self_attn.k_proj.bias", "is missing");
    }

    [Fact]
    public void Quantized_checkpoint_is_refused()
    {
        const string Quantization = """
            {"quant_method":"quarot","weight_bits":4,"activation_bits":4,"key_bits":4,"value_bits":4,"group_size":0,"rotate":true,
             "seed":1,"activation_clip":0.9,"kv_clip":0.95,"weight_clip_search":true,"source_hash":""}
            """;
        _folder.Write("config.json", TinyModel.Config.TrimEnd()[..^1] + $",\"quantization_config\":{Quantization}}}");

        var error = Assert.Throws<CheckpointException>(() => HuggingFaceCheckpoint.Open(_folder.Path));
        Assert.Contains("quantization_config is present", error.Message);
    }

    private void Refused(TinyModel model, string dtype, string tensor, string fault)
    {
        model.Save(_folder, dtype);
        using var checkpoint = HuggingFaceCheckpoint.Open(_folder.Path);
        var error = Assert.Throws<CheckpointException>(() => (checkpoint.ReadEmbedding(), checkpoint.ReadLayer(0), checkpoint.ReadHead()));
        Assert.EndsWith("model.safetensors", error.File);
        Assert.Contains($"tensor '{tensor}'", error.Message);
        Assert.Contains(fault, error.Message);
    }

    private static float[] Decode(LinearWeights weights)
    {
        var values = new float[weights.OutFeatures * weights.InFeatures];
        for (int row = 0; row < weights.OutFeatures; row++)
            FloatRows.Read(weights, row, values.AsSpan(row * weights.InFeatures, weights.InFeatures));
        return values;
    }
}
