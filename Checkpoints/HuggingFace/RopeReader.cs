namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>Reads the rotary embedding's base and stretching from config.json.</summary>
/// <remarks>
/// Up to version 4, transformers wrote <c>rope_theta</c> beside a <c>rope_scaling</c> that holds the rest; version 5 puts all of it into
/// <c>rope_parameters</c>. Without any, the base is 10000, as in Hugging Face's classes.
/// </remarks>
internal static class RopeReader
{
    private const int MaxPositions = 1 << 28;

    /// <summary>The base of the frequencies, and how they are stretched if they are.</summary>
    /// <exception cref="CheckpointException">A field is out of range, contradicts another, or asks for an unsupported kind.</exception>
    public static (float Theta, RopeScaling? Scaling) Read(JsonFields json)
    {
        RefusePartialRotation(json);
        var before = Read(json, "rope_scaling");
        var since = Read(json, "rope_parameters");
        if (before is not null && since is not null && before.Value.Scaling != since.Value.Scaling)
            throw json.Fault("rope_parameters", "contradicts rope_scaling");
        float theta = since?.Theta ?? before?.Theta ?? json.OptionalFloat("rope_theta", 0, 1e12f) ?? 10000f;
        return (theta, (since ?? before)?.Scaling);
    }

    private static (float? Theta, RopeScaling? Scaling)? Read(JsonFields json, string field)
    {
        if (json.OptionalObject(field) is not { } rope)
            return null;
        RefusePartialRotation(rope);
        foreach (var entry in rope.Element.EnumerateObject())
        {
            if (entry.Value.ValueKind == System.Text.Json.JsonValueKind.Object)
                throw rope.Fault(entry.Name, "is an object; parameters by kind of layer are not supported");
        }

        string type = rope.OptionalString("rope_type") ?? rope.OptionalString("type") ?? "default";
        RopeScaling? scaling = type switch
        {
            "default" => null,
            "linear" => new RopeScaling { Kind = RopeScalingKind.Linear, Factor = ReadFactor(rope) },
            "llama3" => ReadLlama3(rope),
            _ => throw rope.Fault("rope_type", $"is {type}, which is not supported; supported: default, linear, llama3"),
        };
        return (rope.OptionalFloat("rope_theta", 0, 1e12f), scaling);
    }

    private static RopeScaling ReadLlama3(JsonFields rope)
    {
        float low = rope.Float("low_freq_factor", 0, 1e6f);
        return new RopeScaling
        {
            Kind = RopeScalingKind.Llama3,
            Factor = ReadFactor(rope),
            LowFreqFactor = low,
            HighFreqFactor = rope.Float("high_freq_factor", low, 1e6f),
            OriginalMaxPositions = rope.Int("original_max_position_embeddings", 1, MaxPositions),
        };
    }

    private static float ReadFactor(JsonFields rope)
    {
        float factor = rope.Float("factor", 0, 1e6f);
        return factor >= 1 ? factor : throw rope.Fault("factor", $"is {factor}; a context is stretched by 1 or more");
    }

    private static void RefusePartialRotation(JsonFields fields)
    {
        if (fields.OptionalFloat("partial_rotary_factor", 0, 1) is < 1)
            throw fields.Fault("partial_rotary_factor", "is below 1, which is not supported");
    }
}
