using QuaRot.Checkpoints;
using QuaRot.Cli.Commands;

namespace QuaRot.Cli.Bench;

/// <summary>Shapes of known models, for benchmarks with random weights: speed depends on the shape alone.</summary>
internal static class BenchShape
{
    private const int Context = 32768;

    private static readonly Dictionary<string, ModelConfig> Shapes = new()
    {
        ["lexi"] = Config(hidden: 512, intermediate: 1280, layers: 6, heads: 8, kvHeads: 4, headDim: 64, vocabulary: 8192),
        ["tinyllama-1.1b"] = Config(hidden: 2048, intermediate: 5632, layers: 22, heads: 32, kvHeads: 4, headDim: 64, vocabulary: 32000),
        ["llama-3.2-1b"] = Config(hidden: 2048, intermediate: 8192, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocabulary: 128256),
        ["llama-2-7b"] = Config(hidden: 4096, intermediate: 11008, layers: 32, heads: 32, kvHeads: 32, headDim: 128, vocabulary: 32000),
        ["llama-3-8b"] = Config(hidden: 4096, intermediate: 14336, layers: 32, heads: 32, kvHeads: 8, headDim: 128, vocabulary: 128256),
        ["llama-2-70b"] = Config(hidden: 8192, intermediate: 28672, layers: 80, heads: 64, kvHeads: 8, headDim: 128, vocabulary: 32000),
    };

    /// <summary>The names that <see cref="Find"/> knows.</summary>
    public static string Names => string.Join(", ", Shapes.Keys);

    /// <summary>The shape of that name.</summary>
    /// <exception cref="CommandException">There is none; the message lists those there are.</exception>
    public static ModelConfig Find(string name) => Shapes.TryGetValue(name, out var config)
        ? config
        : throw new CommandException($"--shape: there is no '{name}'; there are {Names}");

    private static ModelConfig Config(int hidden, int intermediate, int layers, int heads, int kvHeads, int headDim, int vocabulary) => new()
    {
        Architecture = "LlamaForCausalLM",
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        NumLayers = layers,
        NumHeads = heads,
        NumKvHeads = kvHeads,
        HeadDim = headDim,
        VocabSize = vocabulary,
        RmsNormEps = 1e-5f,
        RopeTheta = 10_000f,
        MaxPositions = Context,
        TieWordEmbeddings = false,
    };
}
