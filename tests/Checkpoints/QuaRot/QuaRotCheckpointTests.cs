using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Safetensors;
using Xunit;

namespace QuaRot.Checkpoints.Tests.QuaRot;

public sealed class QuaRotCheckpointTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_proj.weight";
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("target");

    private string LayerFile => Path.Combine(Target, "model-layer-00000.safetensors");

    private string IndexFile => Path.Combine(Target, "model.safetensors.index.json");

    private string ConfigFile => Path.Combine(Target, "config.json");

    public QuaRotCheckpointTests()
    {
        QuaRotTestModel.Save(_folder.File("source"));
        CheckpointQuantizer.Run(_folder.File("source"), Target, new QuantizationConfig());
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void OpenPicksTheKindByItsConfig()
    {
        using ICheckpoint original = Checkpoint.Open(_folder.File("source"));
        using ICheckpoint quantized = Checkpoint.Open(Target);
        Assert.IsType<HuggingFaceCheckpoint>(original);
        Assert.IsType<QuaRotCheckpoint>(quantized);
        Assert.Equal($"{Path.Combine(_folder.File("source"), "config.json")}: quantization_config is missing: this is no QuaRot checkpoint",
            Assert.Throws<CheckpointException>(() => QuaRotCheckpoint.Open(_folder.File("source"))).Message);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void BadScaleIsNamed(float scale)
    {
        Rewrite(tensor => tensor.Name != Query + "_scale" ? tensor : tensor with { Data = WithFloat(tensor.Data, index: 3, scale) });
        Assert.Equal($"{LayerFile}: tensor '{Query}_scale': element 3 is {scale}; a scale must be finite and above 0", LayerMessage());
    }

    [Fact]
    public void WrongShapeIsNamed()
    {
        Rewrite(tensor => tensor.Name != Query ? tensor : tensor with { Shape = [16, 32] });
        Assert.Equal($"{LayerFile}: tensor '{Query}': shape [16, 32], the config asks for [32, 16]", LayerMessage());
    }

    [Fact]
    public void WrongTypeIsNamed()
    {
        Rewrite(tensor => tensor.Name != Query ? tensor : tensor with { DType = "I8" });
        Assert.Equal($"{LayerFile}: tensor '{Query}': type I8; expected U8", LayerMessage());
        Rewrite(tensor => tensor.Name != Query ? tensor : tensor with { DType = "U8" });
        Rewrite(tensor => tensor.Name != Query + "_scale" ? tensor : tensor with { DType = "I32" });
        Assert.Equal($"{LayerFile}: tensor '{Query}_scale': type I32; expected F32", LayerMessage());
    }

    [Fact]
    public void MissingScaleIsNamed()
    {
        Rewrite(tensor => tensor.Name != Query + "_scale" ? tensor : tensor with { Name = "something.else" });
        Assert.Equal($"{LayerFile}: tensor '{Query}_scale' is missing", LayerMessage());
    }

    [Fact]
    public void NormsAndConfigMustAgree()
    {
        Reconfigure("\"norm_bias\": false", "\"norm_bias\": true");
        Assert.Equal($"{IndexFile}: tensor 'model.layers.0.self_attn.q_proj.bias' is missing", LayerMessage());
        string[] biased = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj"];
        Add([.. biased.Select(name => Zeros($"model.layers.0.{name}.bias", name.EndsWith("k_proj") || name.EndsWith("v_proj") ? 16 : name.StartsWith("mlp") ? 48 : 32))]);
        Assert.Equal($"{IndexFile}: tensor 'model.layers.0.input_layernorm.bias' is missing", LayerMessage());
        Add([Zeros("model.layers.0.input_layernorm.bias", 32), Zeros("model.layers.0.post_attention_layernorm.bias", 31)]);
        Assert.Equal($"{LayerFile}: tensor 'model.layers.0.post_attention_layernorm.bias': shape [31], the config asks for [32]", LayerMessage());
        Reconfigure("\"norm_bias\": true", "\"norm_bias\": false");
        Assert.Equal($"{LayerFile}: tensor 'model.layers.0.self_attn.q_proj.bias': by config.json this layer has no bias", LayerMessage());
    }

    [Fact]
    public void TiedConfigIsRefused()
    {
        Reconfigure("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
        Assert.Equal($"{ConfigFile}: tie_word_embeddings is true; a QuaRot checkpoint is always untied", OpenMessage());
    }

    [Fact]
    public void RotationWithoutHadamardMatrixIsRefused()
    {
        Reconfigure("\"intermediate_size\": 48", "\"intermediate_size\": 50");
        Assert.StartsWith(
            $"{ConfigFile}: the model cannot be rotated: there is no Hadamard matrix for intermediate_size = 50;", OpenMessage());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void LayerOutOfRange(int layer)
    {
        using QuaRotCheckpoint checkpoint = QuaRotCheckpoint.Open(Target);
        Assert.Throws<ArgumentOutOfRangeException>(() => checkpoint.ReadLayer(layer));
    }

    private string LayerMessage()
    {
        using QuaRotCheckpoint checkpoint = QuaRotCheckpoint.Open(Target);
        return Assert.Throws<CheckpointException>(() => checkpoint.ReadLayer(0)).Message;
    }

    private string OpenMessage() => Assert.Throws<CheckpointException>(() => QuaRotCheckpoint.Open(Target)).Message;

    private void Reconfigure(string from, string to)
    {
        string text = File.ReadAllText(ConfigFile);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(ConfigFile, text.Replace(from, to, StringComparison.Ordinal));
    }

    private void Rewrite(Func<SafetensorsTensor, SafetensorsTensor> change)
    {
        List<SafetensorsTensor> tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(LayerFile))
        {
            tensors = [.. file.Tensors.Values.Select(t =>
                change(new SafetensorsTensor(t.Name, t.DType, t.Shape, file.Bytes(t.Name).ToArray())))];
        }

        SafetensorsWriter.Write(LayerFile, tensors);
    }

    /// <summary>Adds tensors to the first layer's file and to the index.</summary>
    private void Add(params SafetensorsTensor[] added)
    {
        List<SafetensorsTensor> tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(LayerFile))
        {
            tensors = [.. file.Tensors.Values.Select(t => new SafetensorsTensor(t.Name, t.DType, t.Shape, file.Bytes(t.Name).ToArray()))];
        }

        SafetensorsWriter.Write(LayerFile, [.. tensors, .. added]);
        JsonNode index = JsonNode.Parse(File.ReadAllText(IndexFile))!;
        foreach (SafetensorsTensor tensor in added)
        {
            index["weight_map"]![tensor.Name] = Path.GetFileName(LayerFile);
        }

        File.WriteAllText(IndexFile, index.ToJsonString());
    }

    private static SafetensorsTensor Zeros(string name, int length) => new(name, TensorTypes.F32, [length], new byte[4 * length]);

    private static byte[] WithFloat(ReadOnlyMemory<byte> data, int index, float value)
    {
        byte[] copy = data.ToArray();
        MemoryMarshal.Cast<byte, float>(copy.AsSpan())[index] = value;
        return copy;
    }
}
