using System.Text.Json;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>Reads config.json of a Hugging Face or QuaRot checkpoint folder.</summary>
/// <remarks>
/// What the engine would silently get wrong (another activation, RoPE scaling, biases) is refused by name instead of ignored.
/// </remarks>
public static class ModelConfigReader
{
    /// <summary>The architectures that can be run.</summary>
    public static IReadOnlyList<string> Architectures { get; } = ["LlamaForCausalLM"];

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
        RefuseUnsupported(json);
        int heads = json.Int("num_attention_heads", 1, MaxWidth);
        int hidden = json.Int("hidden_size", 1, MaxWidth);
        int vocab = json.Int("vocab_size", 1, MaxVocab);
        var config = new ModelConfig
        {
            Architecture = architecture,
            HiddenSize = hidden,
            IntermediateSize = json.Int("intermediate_size", 1, MaxWidth),
            NumLayers = json.Int("num_hidden_layers", 1, MaxLayers),
            NumHeads = heads,
            NumKvHeads = ReadKvHeads(json, heads),
            HeadDim = ReadHeadDim(json, hidden, heads),
            VocabSize = vocab,
            RmsNormEps = json.Float("rms_norm_eps", 0, 1),
            RopeTheta = ReadRopeTheta(json),
            MaxPositions = json.Int("max_position_embeddings", 1, MaxPositions),
            TieWordEmbeddings = json.OptionalBool("tie_word_embeddings") ?? false,
            BosTokenId = json.OptionalInt("bos_token_id", 0, vocab - 1),
            EosTokenIds = ReadEos(json, vocab),
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

    private static void RefuseUnsupported(JsonFields json)
    {
        foreach (string field in (string[])["attention_bias", "mlp_bias"])
        {
            if (json.OptionalBool(field) == true)
                throw json.Fault(field, "is true; models with biases are not supported");
        }

        if (json.OptionalString("hidden_act") is { } activation && activation != "silu")
            throw json.Fault("hidden_act", $"is {activation}; only silu is supported");
    }

    private static int ReadKvHeads(JsonFields json, int heads)
    {
        int kvHeads = json.OptionalInt("num_key_value_heads", 1, heads) ?? heads;
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

    // transformers 5 writes rope_parameters; before that rope_theta stood alone and rope_scaling held the rest. Without any, Llama's base
    // is 10000.
    private static float ReadRopeTheta(JsonFields json)
    {
        float? theta = json.OptionalFloat("rope_theta", 0, 1e12f);
        foreach (string field in (string[])["rope_scaling", "rope_parameters"])
        {
            if (json.OptionalObject(field) is not { } rope)
                continue;
            string type = rope.OptionalString("rope_type") ?? rope.OptionalString("type") ?? "default";
            if (type != "default")
                throw rope.Fault("rope_type", $"is {type}, which is not supported; only default is");
            RefusePartialRotation(rope);
            theta = rope.OptionalFloat("rope_theta", 0, 1e12f) ?? theta;
        }

        RefusePartialRotation(json);
        return theta ?? 10000f;
    }

    private static void RefusePartialRotation(JsonFields fields)
    {
        if (fields.OptionalFloat("partial_rotary_factor", 0, 1) is < 1)
            throw fields.Fault("partial_rotary_factor", "is below 1, which is not supported");
    }

    private static IReadOnlyList<int> ReadEos(JsonFields json, int vocab)
    {
        const string Field = "eos_token_id";
        if (!json.TryGet(Field, out var value))
            return [];
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((id, i) => json.ToInt($"{Field}[{i}]", id, 0, vocab - 1))]
            : [json.ToInt(Field, value, 0, vocab - 1)];
    }
}
