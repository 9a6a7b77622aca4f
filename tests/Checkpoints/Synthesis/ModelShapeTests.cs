using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Rotation;
using QuaRot.Checkpoints.Synthesis;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Synthesis;

/// <summary>The models that must work, by their published sizes.</summary>
public class ModelShapeTests
{
    /// <summary>Numbers of parameters as the models' cards give them.</summary>
    [Theory]
    [InlineData("llama-2-7b", 6_738_415_616)]
    [InlineData("llama-2-13b", 13_015_864_320)]
    [InlineData("llama-2-70b", 68_976_648_192)]
    [InlineData("llama-3-8b", 8_030_261_248)]
    [InlineData("llama-3-70b", 70_553_706_496)]
    [InlineData("tinyllama-1.1b", 1_100_048_384)]
    [InlineData("mistral-7b", 7_248_023_552)]
    [InlineData("qwen2-0.5b", 494_032_768)]
    [InlineData("qwen2-1.5b", 1_543_714_304)]
    [InlineData("qwen2-7b", 7_615_616_512)]
    public void A_shape_has_the_parameters_of_its_model(string name, long parameters)
    {
        ModelConfig config = Find(name);
        var layout = new DecoderLayout(config);
        long Count(LinearShape shape) => ((long)shape.OutFeatures * shape.InFeatures) + (shape.HasBias ? shape.OutFeatures : 0);
        long layer = layout.Linears(0).Sum(Count) + (2 * config.HiddenSize);
        long head = config.TieWordEmbeddings ? 0 : Count(layout.LmHead);
        Assert.Equal(parameters, Count(layout.EmbeddingTable) + (config.NumLayers * layer) + config.HiddenSize + head);
    }

    public static TheoryData<string> Names => [.. ModelShape.Known.Select(shape => shape.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_shape_can_be_rotated_and_quantized(string name)
    {
        ModelConfig config = Find(name);
        Assert.Equal(name == "qwen2-0.5b" ? HeadMixing.WholeInput : HeadMixing.AcrossHeads, RotationPlan.For(config).HeadMixing);
        foreach (int group in (int[])[0, 64, 128])
        {
            QuantizationCheck.Model(config, new QuantizationConfig { GroupSize = group });
        }

        // The matrices of safetensors files are views of at most 2 GiB.
        Assert.InRange(2L * config.VocabSize * config.HiddenSize, 1, Array.MaxLength);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_shape_survives_its_config_file(string name)
    {
        using var folder = new TemporaryFolder();
        ModelShape shape = ModelShape.Known.Single(known => known.Name == name);
        SyntheticConfig.Write(folder.Path, shape);
        ModelConfig read = ModelConfigReader.Read(folder.File("config.json"));
        Assert.Equal(shape.Config with { BosTokenId = 0, EosTokenIds = read.EosTokenIds }, read);
        Assert.Equal([1], read.EosTokenIds);
    }

    private static ModelConfig Find(string name) => ModelShape.Known.Single(shape => shape.Name == name).Config;
}
