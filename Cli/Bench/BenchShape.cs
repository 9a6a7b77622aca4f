using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Synthesis;
using QuaRot.Cli.Commands;

namespace QuaRot.Cli.Bench;

/// <summary>Shapes of known models, for benchmarks with random weights: speed depends on the shape alone.</summary>
internal static class BenchShape
{
    private const int Context = 32768;

    // What published shapes lack: the demo model's, and a small model with a large vocabulary.
    private static readonly Dictionary<string, ModelConfig> Shapes = new(
        ModelShape.Known.Select(shape => KeyValuePair.Create(shape.Name, shape.Config with { MaxPositions = Context, TieWordEmbeddings = false })))
    {
        ["lexi"] = Config(hidden: 512, intermediate: 1280, layers: 6, heads: 8, kvHeads: 4, headDim: 64, vocabulary: 8192),
        ["llama-3.2-1b"] = Config(hidden: 2048, intermediate: 8192, layers: 16, heads: 32, kvHeads: 8, headDim: 64, vocabulary: 128256),
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
