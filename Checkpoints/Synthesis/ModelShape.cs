namespace QuaRot.Checkpoints.Synthesis;

/// <summary>The sizes of a published model, for a checkpoint of random weights that is as large and as slow as the real one.</summary>
/// <param name="Name">What users call it, for example <c>llama-2-7b</c>.</param>
/// <param name="DType">Type of its tensors: F32, F16 or BF16.</param>
/// <param name="Config">Its sizes and constants.</param>
public sealed record ModelShape(string Name, string DType, ModelConfig Config)
{
    /// <summary>The shapes that have a name.</summary>
    public static IReadOnlyList<ModelShape> Known { get; } =
    [
        Llama("llama-2-7b", "F16", hidden: 4096, intermediate: 11008, layers: 32, heads: 32, kvHeads: 32),
        Llama("llama-2-13b", "F16", hidden: 5120, intermediate: 13824, layers: 40, heads: 40, kvHeads: 40),
        Llama("llama-2-70b", "F16", hidden: 8192, intermediate: 28672, layers: 80, heads: 64, kvHeads: 8),
        Llama3("llama-3-8b", hidden: 4096, intermediate: 14336, layers: 32, heads: 32),
        Llama3("llama-3-70b", hidden: 8192, intermediate: 28672, layers: 80, heads: 64),
        Llama("tinyllama-1.1b", "BF16", hidden: 2048, intermediate: 5632, layers: 22, heads: 32, kvHeads: 4, positions: 2048),
        Mistral7B(),
        Qwen2("qwen2-0.5b", hidden: 896, intermediate: 4864, layers: 24, heads: 14, kvHeads: 2, vocab: 151936, tied: true),
        Qwen2("qwen2-1.5b", hidden: 1536, intermediate: 8960, layers: 28, heads: 12, kvHeads: 2, vocab: 151936, tied: true),
        Qwen2("qwen2-7b", hidden: 3584, intermediate: 18944, layers: 28, heads: 28, kvHeads: 4, vocab: 152064, tied: false),
    ];

    private static ModelShape Llama(
        string name, string dtype, int hidden, int intermediate, int layers, int heads, int kvHeads, int positions = 4096) =>
        new(name, dtype, new ModelConfig
        {
            Architecture = "LlamaForCausalLM",
            HiddenSize = hidden,
            IntermediateSize = intermediate,
            NumLayers = layers,
            NumHeads = heads,
            NumKvHeads = kvHeads,
            HeadDim = hidden / heads,
            VocabSize = 32000,
            RmsNormEps = 1e-5f,
            RopeTheta = 10000,
            MaxPositions = positions,
            TieWordEmbeddings = false,
        });

    /// <summary>As Llama 3.1, with its long context.</summary>
    private static ModelShape Llama3(string name, int hidden, int intermediate, int layers, int heads)
    {
        ModelShape shape = Llama(name, "BF16", hidden, intermediate, layers, heads, kvHeads: 8, positions: 131072);
        RopeScaling scaling = new()
        {
            Kind = RopeScalingKind.Llama3,
            Factor = 8,
            LowFreqFactor = 1,
            HighFreqFactor = 4,
            OriginalMaxPositions = 8192,
        };
        return shape with { Config = shape.Config with { VocabSize = 128256, RopeTheta = 500_000, RopeScaling = scaling } };
    }

    /// <summary>As its version 0.3, which has no sliding window.</summary>
    private static ModelShape Mistral7B()
    {
        ModelShape shape = Llama("mistral-7b", "BF16", 4096, 14336, layers: 32, heads: 32, kvHeads: 8, positions: 32768);
        return shape with
        {
            Config = shape.Config with { Architecture = "MistralForCausalLM", VocabSize = 32768, RopeTheta = 1_000_000 },
        };
    }

    private static ModelShape Qwen2(string name, int hidden, int intermediate, int layers, int heads, int kvHeads, int vocab, bool tied)
    {
        ModelShape shape = Llama(name, "BF16", hidden, intermediate, layers, heads, kvHeads, positions: 32768);
        return shape with
        {
            Config = shape.Config with
            {
                Architecture = "Qwen2ForCausalLM",
                VocabSize = vocab,
                RmsNormEps = 1e-6f,
                RopeTheta = 1_000_000,
                QkvBias = true,
                TieWordEmbeddings = tied,
            },
        };
    }
}
