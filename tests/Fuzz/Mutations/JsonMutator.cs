using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace QuaRot.Fuzz.Tests.Mutations;

/// <summary>Changes a JSON document and keeps it JSON, so that the damage reaches the code behind the parser.</summary>
internal static class JsonMutator
{
    private static readonly string[] s_values =
    [
        "null", "true", "false", "0", "-0", "1", "-1", "2", "3", "1e999", "-1e308", "0.5", "1e-320", "2147483647", "2147483648", "-2147483648",
        "9223372036854775807", "18446744073709551615", "99999999999999999999999999", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"x\"", "[]", "{}",
        "[[[[[[[[]]]]]]]]", "{\"type\":\"x\"}", "[1,2]", "[\"a\",\"b\"]", "\"../../etc/passwd\"", "\"\\ud83d\\ude00\"",
    ];

    /// <summary>One to three changed values; in one of five cases the text is damaged byte by byte afterwards.</summary>
    public static byte[] Mutate(byte[] seed, Random random)
    {
        var root = JsonNode.Parse(seed)!;
        for (var rounds = 1 + random.Next(3); rounds > 0; rounds--)
            root = Once(root, random) ?? JsonValue.Create(0);
        var bytes = Encoding.UTF8.GetBytes(Replace(root.ToJsonString(s_plain), random));
        return random.Next(5) == 0 ? ByteMutator.Mutate(bytes, random) : bytes;
    }

    private const string Mark = "@@value@@";
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Raw values that no JsonNode can hold (1e999, a lone surrogate) are put in as text.
    private static string Replace(string text, Random random)
    {
        int at;
        while ((at = text.IndexOf($"\"{Mark}\"", StringComparison.Ordinal)) >= 0)
            text = text[..at] + s_values[random.Next(s_values.Length)] + text[(at + Mark.Length + 2)..];
        return text;
    }

    private static JsonNode? Once(JsonNode root, Random random)
    {
        var places = new List<JsonNode>();
        Collect(root, places);
        var node = places[random.Next(places.Count)];
        switch (node.Parent)
        {
            case JsonObject parent:
                var key = node.GetPropertyName();
                switch (random.Next(4))
                {
                    case 0: parent.Remove(key); break;
                    case 1: Rename(parent, key, random); break;
                    case 2 when Other(places, random) is { } other: parent[key] = other; break;
                    default: parent[key] = Mark; break;
                }

                return root;
            case JsonArray list:
                var index = node.GetElementIndex();
                switch (random.Next(4))
                {
                    case 0: list.RemoveAt(index); break;
                    case 1: list.Insert(random.Next(list.Count + 1), node.DeepClone()); break;
                    case 2 when Other(places, random) is { } other: list[index] = other; break;
                    default: list[index] = Mark; break;
                }

                return root;
            default:
                return random.Next(20) == 0 ? JsonValue.Create(Mark) : root;
        }
    }

    private static void Rename(JsonObject parent, string key, Random random)
    {
        var value = parent[key]!.DeepClone();
        parent.Remove(key);
        parent[random.Next(2) == 0 ? key + "x" : key.ToUpperInvariant()] = value;
    }

    private static JsonNode? Other(List<JsonNode> places, Random random)
    {
        var other = places[random.Next(places.Count)];
        return other.ToJsonString(s_plain).Length < 2_000 ? other.DeepClone() : null;
    }

    private static void Collect(JsonNode node, List<JsonNode> places)
    {
        places.Add(node);
        if (node is JsonObject fields)
        {
            foreach (var field in fields)
            {
                if (field.Value is not null)
                    Collect(field.Value, places);
            }
        }
        else if (node is JsonArray list)
        {
            foreach (var item in list)
            {
                if (item is not null)
                    Collect(item, places);
            }
        }
    }
}
