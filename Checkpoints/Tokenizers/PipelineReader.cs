using System.Text.Json;
using QuaRot.Checkpoints.HuggingFace;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Reads the steps around the model of tokenizer.json; every form that is not supported is refused by its name.</summary>
internal static class PipelineReader
{
    private const string Blank = "\u2581";

    /// <summary><c>normalizer</c>: null, NFC, or Prepend and Replace of blanks.</summary>
    public static TextNormalizer ReadNormalizer(JsonFields json)
    {
        var result = new TextNormalizer();
        foreach (var step in Steps(json, "normalizer", "normalizers"))
        {
            switch (step.String("type"))
            {
                case "NFC" when result.IsNone:
                    result = result with { ComposeUnicode = true };
                    break;
                case "Prepend" when !result.PrependBlank && !result.MarkBlanks:
                    Require(step, "prepend", Blank);
                    result = result with { PrependBlank = true };
                    break;
                case "Replace" when !result.MarkBlanks:
                    Require(step.Object("pattern"), "String", " ");
                    Require(step, "content", Blank);
                    result = result with { MarkBlanks = true };
                    break;
                default:
                    throw NotSupported(step, "null, NFC, Prepend and Replace of blanks are");
            }
        }

        return result;
    }

    /// <summary><c>pre_tokenizer</c> of a byte-level model: ByteLevel, alone or behind one Split.</summary>
    public static PreTokenizer ReadByteLevel(JsonFields json)
    {
        var steps = Steps(json, "pre_tokenizer", "pretokenizers");
        if (steps.Count == 0)
            throw json.Fault("pre_tokenizer", "is missing");
        var last = steps[^1];
        if (steps.Count > 2 || last.String("type") != "ByteLevel")
            throw NotSupported(last, "for byte-level BPE only ByteLevel is, alone or behind one Split");
        bool prefix = last.OptionalBool("add_prefix_space") ?? true;
        bool gpt2 = last.OptionalBool("use_regex") ?? true;
        if (steps.Count == 1)
            return new PreTokenizer(gpt2 ? new Gpt2Splitter() : new WholeText(), prefix ? BlankPrefix.Always : BlankPrefix.Never);
        if (prefix)
            throw last.Fault("add_prefix_space", "is true behind a Split, which is not supported");
        if (gpt2)
            throw last.Fault("use_regex", "is true behind a Split, which is not supported");
        return new PreTokenizer(ReadSplit(steps[0]));
    }

    /// <summary><c>pre_tokenizer</c> of a model with byte fallback: none or Metaspace.</summary>
    public static PreTokenizer ReadMetaspace(JsonFields json, WordSplitter words)
    {
        var steps = Steps(json, "pre_tokenizer", "pretokenizers");
        if (steps.Count == 0)
            return new PreTokenizer(words);
        var step = steps[0];
        if (steps.Count > 1 || step.String("type") != "Metaspace")
            throw NotSupported(step, "for BPE with byte fallback only null and Metaspace are");
        Require(step, "replacement", Blank);
        // Metaspace's own cut lies before every blank, inside runs of blanks too, where merges would cross it.
        if (step.OptionalBool("split") ?? true)
            throw step.Fault("split", "is true, which is not supported; only false is");
        string scheme = step.OptionalString("prepend_scheme") ?? (step.OptionalBool("add_prefix_space") == false ? "never" : "always");
        var prefix = scheme switch
        {
            "never" => BlankPrefix.Never,
            "first" => BlankPrefix.First,
            "always" => BlankPrefix.Always,
            _ => throw step.Fault("prepend_scheme", $"is {scheme}; there are always, first and never"),
        };
        return new PreTokenizer(words, prefix, MarkBlanks: true);
    }

    /// <summary><c>decoder</c>: ByteLevel; or, with byte fallback, Replace, ByteFallback, Fuse and perhaps Strip.</summary>
    /// <returns>True when the first blank of a decoded text is dropped.</returns>
    public static bool ReadDecoder(JsonFields json, bool byteFallback)
    {
        var steps = Steps(json, "decoder", "decoders");
        string types = string.Join(", ", steps.Select(s => s.String("type")));
        switch (types)
        {
            case "ByteLevel" when !byteFallback:
                return false;
            case "Replace, ByteFallback, Fuse" or "Replace, ByteFallback, Fuse, Strip" when byteFallback:
                Require(steps[0].Object("pattern"), "String", Blank);
                Require(steps[0], "content", " ");
                break;
            default:
                throw json.Fault("decoder.type", $"is {(types.Length == 0 ? "null" : types)}, which is not supported; only "
                    + (byteFallback ? "the sequence Replace, ByteFallback, Fuse, Strip is" : "ByteLevel is"));
        }

        if (steps.Count == 3)
            return false;
        Require(steps[3], "content", " ");
        int start = steps[3].Int("start", 0, 1);
        steps[3].Int("stop", 0, 0);
        return start == 1;
    }

    /// <summary><c>post_processor</c>: none, ByteLevel, or a TemplateProcessing that puts at most one token before the text.</summary>
    /// <returns>The token that goes first, or null.</returns>
    public static string? ReadFirstToken(JsonFields json)
    {
        string? first = null;
        foreach (var step in Steps(json, "post_processor", "processors"))
        {
            switch (step.String("type"))
            {
                case "ByteLevel":
                    break;
                case "TemplateProcessing" when first is null:
                    first = ReadTemplate(step);
                    break;
                default:
                    throw NotSupported(step, "null, ByteLevel and TemplateProcessing are");
            }
        }

        return first;
    }

    private static string? ReadTemplate(JsonFields step)
    {
        string? first = null;
        bool text = false;
        int index = 0;
        foreach (var piece in step.Get("single").ValueKind == JsonValueKind.Array ? step.Get("single").EnumerateArray() : default)
        {
            var fields = step.Nested($"single[{index++}]", piece);
            if (fields.OptionalObject("SpecialToken") is { } token && first is null && !text)
                first = token.String("id");
            else if (fields.OptionalObject("Sequence") is not null && !text)
                text = true;
            else
                throw step.Fault($"single[{index - 1}]", "is not supported; only one SpecialToken before the Sequence is");
        }

        return text ? first : throw step.Fault("single", "has no Sequence");
    }

    private static Cl100kSplitter ReadSplit(JsonFields step)
    {
        if (step.String("type") != "Split")
            throw NotSupported(step, "before ByteLevel only Split is");
        string pattern = step.Object("pattern").String("Regex");
        Require(step, "behavior", "Isolated");
        if (step.OptionalBool("invert") == true)
            throw step.Fault("invert", "is true, which is not supported");
        return Cl100kSplitter.Of(pattern)
            ?? throw step.Fault("pattern.Regex", $"is {pattern}, which is not supported; only the patterns of Llama-3 and Qwen2 are");
    }

    // The steps of a part that is null, one object, or a Sequence of objects.
    private static List<JsonFields> Steps(JsonFields json, string field, string list)
    {
        if (json.OptionalObject(field) is not { } part)
            return [];
        if (part.String("type") != "Sequence")
            return [part];
        var steps = part.Get(list);
        return steps.ValueKind == JsonValueKind.Array
            ? [.. steps.EnumerateArray().Select((step, i) => part.Nested($"{list}[{i}]", step))]
            : throw part.Fault(list, "is not a list");
    }

    private static void Require(JsonFields step, string field, string expected)
    {
        string text = step.String(field);
        if (text != expected)
            throw step.Fault(field, $"is '{text}', which is not supported; only '{expected}' is");
    }

    private static CheckpointException NotSupported(JsonFields step, string supported) =>
        step.Fault("type", $"is {step.String("type")}, which is not supported here; {supported}");
}
