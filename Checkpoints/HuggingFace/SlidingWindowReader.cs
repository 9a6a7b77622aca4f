using System.Text.Json;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>Reads how far back attention may look.</summary>
internal static class SlidingWindowReader
{
    private const int MaxWindow = 1 << 28;

    /// <summary>The window in positions, the token's own included, of any layer that has one; null where every layer sees everything.</summary>
    /// <remarks>
    /// Mistral has one where <c>sliding_window</c> is a number. Qwen2 has one where <c>use_sliding_window</c> is true besides, and then in
    /// the layers from <c>max_window_layers</c> on. <c>layer_types</c>, which newer files have, names the layers one by one. Llama's code
    /// knows none.
    /// </remarks>
    /// <exception cref="CheckpointException">A field is out of range, or the window is used and its size is missing.</exception>
    public static int? Read(JsonFields json, string architecture, int layers)
    {
        bool used = architecture switch
        {
            "MistralForCausalLM" => json.TryGet("sliding_window", out _),
            "Qwen2ForCausalLM" => json.OptionalBool("use_sliding_window") == true
                && (ReadLayerTypes(json) ?? json.Int("max_window_layers", 0, int.MaxValue) < layers),
            _ => false,
        };
        return used ? json.Int("sliding_window", 1, MaxWindow) : null;
    }

    /// <summary>True when some layer is of the sliding kind; null where the field is absent.</summary>
    private static bool? ReadLayerTypes(JsonFields json)
    {
        const string Field = "layer_types";
        if (!json.TryGet(Field, out var list))
            return null;
        if (list.ValueKind != JsonValueKind.Array)
            throw json.Fault(Field, "is not a list");
        bool slides = false;
        int index = 0;
        foreach (var entry in list.EnumerateArray())
        {
            string name = $"{Field}[{index++}]";
            slides |= json.ToText(name, entry) switch
            {
                "sliding_attention" => true,
                "full_attention" => false,
                var other => throw json.Fault(name, $"is {other}; known are full_attention and sliding_attention"),
            };
        }

        return slides;
    }
}
