using System.Text.Json;
using System.Text.Unicode;

namespace QuaRot.Checkpoints.HuggingFace;

/// <summary>
/// The fields of one JSON object in a checkpoint file; every error names the file and the field. A null counts as absent.
/// </summary>
internal sealed class JsonFields
{
    private readonly string _prefix;

    private JsonFields(string file, string prefix, JsonElement element)
    {
        File = file;
        _prefix = prefix;
        Element = element;
    }

    public string File { get; }

    public JsonElement Element { get; }

    /// <summary>Parses a file whose root is an object. The result owns its memory, so there is nothing to dispose.</summary>
    /// <exception cref="CheckpointException">The file cannot be read or holds no JSON object.</exception>
    public static JsonFields ReadFile(string file)
    {
        try
        {
            byte[] bytes = System.IO.File.ReadAllBytes(file);
            // JsonDocument notices invalid bytes in a string only when that string is shown or read, which may be in an error message.
            if (!Utf8.IsValid(bytes))
                throw new CheckpointException(file, "is not valid UTF-8");
            using var document = JsonDocument.Parse(bytes);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new CheckpointException(file, "is not a JSON object");
            return new JsonFields(file, "", document.RootElement.Clone());
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(file, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The error that <paramref name="field"/> of this object is wrong.</summary>
    public CheckpointException Fault(string field, string problem) => new(File, $"{_prefix}{field} {problem}");

    /// <summary>A field that is there and not null.</summary>
    public bool TryGet(string field, out JsonElement value) =>
        Element.TryGetProperty(field, out value) && value.ValueKind != JsonValueKind.Null;

    public JsonElement Get(string field) => TryGet(field, out var value) ? value : throw Fault(field, "is missing");

    public JsonFields? OptionalObject(string field) => TryGet(field, out var value) ? Nested(field, value) : null;

    public JsonFields Object(string field) => Nested(field, Get(field));

    /// <summary><paramref name="value"/>, found at <paramref name="field"/> of this object, as an object with fields of its own.</summary>
    public JsonFields Nested(string field, JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? new JsonFields(File, $"{_prefix}{field}.", value)
        : throw Fault(field, $"is {Show(value)}, not an object");

    public string String(string field) => OptionalString(field) ?? throw Fault(field, "is missing");

    public string? OptionalString(string field) => TryGet(field, out var value) ? ToText(field, value) : null;

    /// <summary>A string found at <paramref name="field"/>.</summary>
    public string ToText(string field, JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Fault(field, $"is {Show(value)}, not a string");
        }
        catch (InvalidOperationException e)
        {
            // An escaped lone surrogate is only noticed when the string is read.
            throw Fault(field, $"is not valid text: {e.Message}");
        }
    }

    public bool Bool(string field) => OptionalBool(field) ?? throw Fault(field, "is missing");

    public bool? OptionalBool(string field) => !TryGet(field, out var value) ? null : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Fault(field, $"is {Show(value)}, not true or false"),
    };

    public int Int(string field, int min, int max) => OptionalInt(field, min, max) ?? throw Fault(field, "is missing");

    public int? OptionalInt(string field, int min, int max) => TryGet(field, out var value) ? ToInt(field, value, min, max) : null;

    /// <summary>A number found at <paramref name="field"/>, within [min, max].</summary>
    public int ToInt(string field, JsonElement value, int min, int max) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= min && number <= max
            ? number
            : throw Fault(field, $"is {Show(value)}, not a whole number from {min} to {max}");

    public ulong UInt64(string field)
    {
        var value = Get(field);
        return value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out ulong number)
            ? number
            : throw Fault(field, $"is {Show(value)}, not a whole number from 0 to 2^64-1");
    }

    public float Float(string field, float above, float max) => OptionalFloat(field, above, max) ?? throw Fault(field, "is missing");

    /// <summary>A number in (above, max].</summary>
    public float? OptionalFloat(string field, float above, float max)
    {
        if (!TryGet(field, out var value))
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) && number > above && number <= max
            ? number
            : throw Fault(field, $"is {Show(value)}, not a number above {above} and up to {max}");
    }

    private static string Show(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 60 ? text : text[..60] + "...";
    }
}
