using System.Runtime.InteropServices;
using System.Text.Json;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.Synthesis;

namespace QuaRot.Engine.Tests.Calibration;

/// <summary>A folder with a two-layer model of random weights, grouped heads and biases, deleted afterwards.</summary>
internal sealed class TinyModel : IDisposable
{
    public static readonly ModelConfig Config = new()
    {
        Architecture = "Qwen2ForCausalLM",
        HiddenSize = 64,
        IntermediateSize = 128,
        NumLayers = 2,
        NumHeads = 4,
        NumKvHeads = 2,
        HeadDim = 16,
        VocabSize = 300,
        RmsNormEps = 1e-6f,
        RopeTheta = 10000,
        MaxPositions = 128,
        TieWordEmbeddings = true,
        QkvBias = true,
    };

    private const string Table = "model.embed_tokens.weight";

    private readonly string _folder = Directory.CreateTempSubdirectory("quarot-calibration-").FullName;

    public TinyModel() => SyntheticCheckpoint.Write(Source, new ModelShape("tiny", "F32", Config), seed: 3);

    public string Source => Path.Combine(_folder, "source");

    /// <summary>Adds a vector to all rows of the embedding: a direction that all tokens share.</summary>
    public void ShiftEmbedding()
    {
        using var index = JsonDocument.Parse(System.IO.File.ReadAllText(Path.Combine(Source, "model.safetensors.index.json")));
        var file = Path.Combine(Source, index.RootElement.GetProperty("weight_map").GetProperty(Table).GetString()!);
        var bytes = System.IO.File.ReadAllBytes(file);
        var header = (int)BitConverter.ToUInt64(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        var offsets = json.RootElement.GetProperty(Table).GetProperty("data_offsets");
        var (start, end) = (offsets[0].GetInt32(), offsets[1].GetInt32());
        var table = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(8 + header + start, end - start));
        for (var i = 0; i < table.Length; i++)
            table[i] += (i % Config.HiddenSize % 7) - 3;
        System.IO.File.WriteAllBytes(file, bytes);
    }

    public string File(string name) => Path.Combine(_folder, name);

    /// <summary>Sequences of seeded random tokens.</summary>
    public static IReadOnlyList<int[]> Sequences(int count = 6, int length = 64)
    {
        var random = new Random(5);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, length).Select(_ => random.Next(Config.VocabSize)).ToArray())];
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
