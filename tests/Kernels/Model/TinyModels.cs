using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Synthesis;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Two-layer models of every architecture, with random weights from <c>quarot synth</c>'s generator.</summary>
internal static class TinyModels
{
    private static readonly ModelConfig Base = new()
    {
        Architecture = "LlamaForCausalLM",
        HiddenSize = 96,
        IntermediateSize = 160,
        NumLayers = 2,
        NumHeads = 6,
        NumKvHeads = 6,
        HeadDim = 16,
        VocabSize = 300,
        RmsNormEps = 1e-5f,
        RopeTheta = 10000,
        MaxPositions = 128,
        TieWordEmbeddings = false,
    };

    /// <summary>Turns within the original 64 positions go from 10 down to below 1: frequencies of all three kinds.</summary>
    private static readonly RopeScaling Stretched = new()
    {
        Kind = RopeScalingKind.Llama3,
        Factor = 8,
        LowFreqFactor = 1,
        HighFreqFactor = 4,
        OriginalMaxPositions = 64,
    };

    public static IReadOnlyDictionary<string, ModelShape> All { get; } = new[]
    {
        Shape("llama-2", "F16", Base with { HiddenSize = 128, NumHeads = 8, NumKvHeads = 8, IntermediateSize = 344 }),
        Shape("llama-3", "BF16", Base with { HiddenSize = 128, NumHeads = 8, NumKvHeads = 2, IntermediateSize = 224, RopeTheta = 500_000, RopeScaling = Stretched }),
        Shape("tinyllama", "F32", Base with { HiddenSize = 64, NumHeads = 16, NumKvHeads = 2, HeadDim = 4, IntermediateSize = 176 }),
        Shape("linear", "F16", Base with { RopeScaling = new RopeScaling { Kind = RopeScalingKind.Linear, Factor = 4 } }),
        Shape("all-biases", "BF16", Base with { HiddenSize = 80, NumHeads = 12, NumKvHeads = 4, QkvBias = true, AttentionOutputBias = true, MlpBias = true }),
        Shape("mistral", "BF16", Base with { Architecture = "MistralForCausalLM", HiddenSize = 80, NumHeads = 8, NumKvHeads = 2, HeadDim = 32 }),
        Shape("qwen2-14-heads", "BF16", Qwen2 with { HiddenSize = 112, NumHeads = 14, NumKvHeads = 2, IntermediateSize = 304, TieWordEmbeddings = true }),
        Shape("qwen2-12-heads", "BF16", Qwen2 with { HiddenSize = 96, NumHeads = 12, NumKvHeads = 2, HeadDim = 8, IntermediateSize = 280, TieWordEmbeddings = true }),
        Shape("qwen2-28-heads", "F16", Qwen2 with { HiddenSize = 112, NumHeads = 28, NumKvHeads = 4, HeadDim = 4, IntermediateSize = 296 }),
        Shape("llama-2-13b-heads", "F16", Base with { HiddenSize = 80, NumHeads = 40, NumKvHeads = 40, HeadDim = 2, IntermediateSize = 216 }),
    }.ToDictionary(shape => shape.Name);

    private static ModelConfig Qwen2 => Base with { Architecture = "Qwen2ForCausalLM", QkvBias = true, RmsNormEps = 1e-6f };

    private static ModelShape Shape(string name, string dtype, ModelConfig config) => new(name, dtype, config);
}
