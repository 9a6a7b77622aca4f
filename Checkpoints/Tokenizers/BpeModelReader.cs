using System.Text.Json;
using QuaRot.Checkpoints.HuggingFace;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Reads the <c>model</c> object of tokenizer.json.</summary>
internal static class BpeModelReader
{
    /// <summary>Largest id that is believed; arrays are as long as the largest id says, so a damaged one must not cost gigabytes.</summary>
    public const int MaxId = (1 << 22) - 1;

    /// <exception cref="CheckpointException">
    /// Another kind of model, a missing or broken vocabulary or merge, or an option that is not supported.
    /// </exception>
    public static BpeModel Read(JsonFields model)
    {
        string type = model.OptionalString("type") ?? "BPE";
        if (type != "BPE")
            throw model.Fault("type", $"is {type}, which is not supported; only BPE is");
        RefuseUnsupported(model);
        bool fallback = model.OptionalBool("byte_fallback") ?? false;
        bool ignoreMerges = model.OptionalBool("ignore_merges") ?? false;
        if (fallback && ignoreMerges)
            throw model.Fault("ignore_merges", "is true together with byte_fallback, which is not supported");
        var vocab = ReadVocab(model);
        return new BpeModel(vocab, ReadBytes(model, vocab, fallback), ReadMerges(model, vocab), ignoreMerges, fallback);
    }

    private static void RefuseUnsupported(JsonFields model)
    {
        foreach (string field in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(model.OptionalString(field)))
                throw model.Fault(field, "is set, which is not supported");
        }

        if (model.TryGet("dropout", out var dropout) && !(dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() == 0))
            throw model.Fault("dropout", "is set, which is not supported");
    }

    private static Dictionary<string, int> ReadVocab(JsonFields model)
    {
        var vocab = new Dictionary<string, int>(StringComparer.Ordinal);
        var tokenOfId = new Dictionary<int, string>();
        var entries = model.Object("vocab");
        foreach (var entry in entries.Element.EnumerateObject())
        {
            int id = entries.ToInt($"'{entry.Name}'", entry.Value, 0, MaxId);
            if (!vocab.TryAdd(entry.Name, id))
                throw entries.Fault($"'{entry.Name}'", "appears twice");
            if (!tokenOfId.TryAdd(id, entry.Name))
                throw entries.Fault($"'{entry.Name}'", $"has id {id}, as '{tokenOfId[id]}' has");
        }

        return vocab;
    }

    // Without a token for every byte some texts could not be encoded, and generated text could not be tokenized again. With one, unk_token
    // and fuse_unk never come into play.
    private static int[] ReadBytes(JsonFields model, Dictionary<string, int> vocab, bool fallback)
    {
        var idOfByte = new int[256];
        for (int b = 0; b < 256; b++)
        {
            string token = fallback ? BpeModel.NameOf(b) : ByteAlphabet.ToChar((byte)b).ToString();
            if (!vocab.TryGetValue(token, out idOfByte[b]))
            {
                throw model.Fault("vocab", $"has no token '{token}' for the byte 0x{b:X2}; this is no "
                    + (fallback ? "BPE with byte fallback" : "byte-level BPE"));
            }
        }

        return idOfByte;
    }

    private static MergeTable ReadMerges(JsonFields model, Dictionary<string, int> vocab)
    {
        var list = model.Get("merges");
        if (list.ValueKind != JsonValueKind.Array)
            throw model.Fault("merges", "is not a list");
        if (list.GetArrayLength() == 0)
            throw model.Fault("merges", "is empty");
        var merges = new MergeTable(list.GetArrayLength());
        int rank = 0;
        foreach (var entry in list.EnumerateArray())
        {
            var (left, right) = ReadPair(model, rank, entry);
            // A pair that is listed twice counts with its last rank, as in Hugging Face tokenizers.
            merges.Set(IdOf(left), IdOf(right), rank, IdOf(left + right));
            rank++;
        }

        return merges;

        int IdOf(string token) => vocab.TryGetValue(token, out int id)
            ? id
            : throw model.Fault($"merges[{rank}]", $"needs the token '{token}', which is not in vocab");
    }

    // Older files write "a b", newer ones ["a", "b"].
    private static (string Left, string Right) ReadPair(JsonFields model, int index, JsonElement entry)
    {
        string[] parts = entry.ValueKind switch
        {
            JsonValueKind.String => entry.GetString()!.Split(' '),
            JsonValueKind.Array => [.. entry.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.String ? e.GetString()! : "")],
            _ => [],
        };
        return parts is [{ Length: > 0 } left, { Length: > 0 } right]
            ? (left, right)
            : throw model.Fault($"merges[{index}]", "is not a pair of tokens");
    }
}
