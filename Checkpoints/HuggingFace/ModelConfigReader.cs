using System.Text.Json;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>Reads config.json of a Hugging Face or QuaRot checkpoint folder.</summary>
/// <remarks>
/// What the engine would silently get wrong (another activation, another RoPE scaling) is refused by name instead of ignored.
/// </remarks>
public static class ModelConfigReader
{
    private const string Llama = "LlamaForCausalLM";
    private const string Qwen2 = "Qwen2ForCausalLM";

    /// <summary>The architectures that can be run.</summary>
    public static IReadOnlyList<string> Architectures { get; } = [Llama, "MistralForCausalLM", Qwen2];

    // Bounds that no real model comes near: beyond them the file is damaged or hostile, and products such as hidden * vocab stay within 64
    // bits.
    private const int MaxWidth = 1 << 20;
    private const int MaxLayers = 1 << 12;
    private const int MaxHeadDim = 1 << 12;
    private const int MaxVocab = 1 << 24;
    private const int MaxPositions = 1 << 28;

    /// <summary>Reads and checks the file <paramref name="path"/> (the path of config.json itself, not of its folder).</summary>
    /// <exception cref="CheckpointException">
    /// The file is missing or broken, or a field is missing, out of range or not supported.
    /// </exception>
    public static ModelConfig Read(string path)
    {
        var json = JsonFields.ReadFile(path);
        string architecture = ReadArchitecture(json);
        RefuseOtherActivations(json);
        int heads = json.Int("num_attention_heads", 1, MaxWidth);
        int hidden = json.Int("hidden_size", 1, MaxWidth);
        int vocab = json.Int("vocab_size", 1, MaxVocab);
        int layers = json.Int("num_hidden_layers", 1, MaxLayers);
        bool attentionBias = architecture == Llama && (json.OptionalBool("attention_bias") ?? false);
        var (theta, scaling) = RopeReader.Read(json);
        int positions = json.Int("max_position_embeddings", 1, MaxPositions);
        var config = new ModelConfig
        {
            Architecture = architecture,
            HiddenSize = hidden,
            IntermediateSize = json.Int("intermediate_size", 1, MaxWidth),
            NumLayers = layers,
            NumHeads = heads,
            NumKvHeads = ReadKvHeads(json, architecture, heads),
            HeadDim = ReadHeadDim(json, hidden, heads),
            VocabSize = vocab,
            RmsNormEps = json.Float("rms_norm_eps", 0, 1),
            RopeTheta = theta,
            RopeScaling = scaling,
            MaxPositions = Math.Min(positions, SlidingWindowReader.Read(json, architecture, layers) ?? positions),
            QkvBias = attentionBias || architecture == Qwen2,
            AttentionOutputBias = attentionBias,
            MlpBias = architecture == Llama && (json.OptionalBool("mlp_bias") ?? false),
            TieWordEmbeddings = json.OptionalBool("tie_word_embeddings") ?? false,
            BosTokenId = json.OptionalInt("bos_token_id", 0, vocab - 1),
            EosTokenIds = EosReader.Read(json, vocab),
        };
        return json.OptionalObject("quantization_config") is { } quantization
            ? config with { Quantization = QuantizationConfigReader.Read(quantization, config) }
            : config;
    }

    private static string ReadArchitecture(JsonFields json)
    {
        var list = json.Get("architectures");
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
            throw json.Fault("architectures", "is not a list of names");
        string name = json.ToText("architectures[0]", list[0]);
        return Architectures.Contains(name)
            ? name
            : throw json.Fault("architectures", $"is {name}, which is not supported; supported: {string.Join(", ", Architectures)}");
    }

    private static void RefuseOtherActivations(JsonFields json)
    {
        if (json.OptionalString("hidden_act") is { } activation && activation != "silu")
            throw json.Fault("hidden_act", $"is {activation}; only silu is supported");
    }

    // Where the field is absent, Hugging Face's Llama has as many KV heads as heads; the other classes have a number of their own.
    private static int ReadKvHeads(JsonFields json, string architecture, int heads)
    {
        int kvHeads = architecture == Llama
            ? json.OptionalInt("num_key_value_heads", 1, heads) ?? heads
            : json.Int("num_key_value_heads", 1, heads);
        return heads % kvHeads == 0
            ? kvHeads
            : throw json.Fault("num_key_value_heads", $"is {kvHeads}, which does not divide num_attention_heads {heads}");
    }

    private static int ReadHeadDim(JsonFields json, int hidden, int heads)
    {
        int? given = json.OptionalInt("head_dim", 1, MaxHeadDim);
        if (given is null && hidden % heads != 0)
            throw json.Fault("num_attention_heads", $"is {heads}, which does not divide hidden_size {hidden}, and there is no head_dim");
        int headDim = given ?? hidden / heads;
        if (headDim % 2 != 0)
            throw json.Fault("head_dim", $"is {headDim}; rotary embeddings need an even number");
        if ((long)headDim * heads > MaxWidth)
            throw json.Fault("head_dim", $"is {headDim}; times num_attention_heads {heads} it passes {MaxWidth}");
        return headDim;
    }
}
