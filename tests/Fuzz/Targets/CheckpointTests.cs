using System.Buffers.Binary;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Checkpoints.Safetensors;
using QuaRot.Fuzz.Tests.Mutations;

namespace QuaRot.Fuzz.Tests.Targets;

/// <summary>Damaged model files give a CheckpointException and nothing else: no crash, no hang, no memory that a length in the file asks for.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("quarot-fuzz-").FullName;
    private readonly string _original;
    private readonly string _quantized;

    public CheckpointTests()
    {
        _original = Path.Combine(_folder, "original");
        _quantized = Path.Combine(_folder, "quantized");
        TinyCheckpoint.Save(_original);
        CheckpointQuantizer.Run(_original, _quantized, new QuantizationConfig());
    }

    [Fact]
    public void SafetensorsHeaders()
    {
        var seed = File.ReadAllBytes(Path.Combine(_original, "model.safetensors"));
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(seed);
        byte[] header = seed[8..(8 + length)], data = seed[(8 + length)..];
        FuzzRun.Run("safetensors", FuzzRun.Cases, random => random.Next(4) == 0
            ? ByteMutator.Mutate(seed, random)
            : WithLength(JsonMutator.Mutate(header, random), data), Safetensors);
    }

    [Fact]
    public void Configs()
    {
        var seed = File.ReadAllBytes(Path.Combine(_original, "config.json"));
        FuzzRun.Run("config", FuzzRun.Cases, random => JsonMutator.Mutate(seed, random), Config);
    }

    [Fact]
    public void QuantizedConfigs()
    {
        var seed = File.ReadAllBytes(Path.Combine(_quantized, "config.json"));
        FuzzRun.Run("quantized-config", FuzzRun.Cases, random => JsonMutator.Mutate(seed, random), QuantizedConfig);
    }

    [Fact]
    public void Indexes()
    {
        var seed = File.ReadAllBytes(Path.Combine(_quantized, "model.safetensors.index.json"));
        FuzzRun.Run("index", FuzzRun.Cases, random => JsonMutator.Mutate(seed, random), Index);
    }

    [Theory]
    [MemberData(nameof(Regressions.Of), "safetensors", MemberType = typeof(Regressions))]
    public void SafetensorsRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), Safetensors);

    [Theory]
    [MemberData(nameof(Regressions.Of), "config", MemberType = typeof(Regressions))]
    public void ConfigRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), Config);

    [Theory]
    [MemberData(nameof(Regressions.Of), "quantized-config", MemberType = typeof(Regressions))]
    public void QuantizedConfigRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), QuantizedConfig);

    [Theory]
    [MemberData(nameof(Regressions.Of), "index", MemberType = typeof(Regressions))]
    public void IndexRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), Index);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static byte[] WithLength(byte[] header, byte[] data) =>
        [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. data];

    private void Safetensors(byte[] bytes)
    {
        var path = Path.Combine(_folder, "case.safetensors");
        File.WriteAllBytes(path, bytes);
        try
        {
            using var file = SafetensorsFile.Open(path);
            foreach (var name in file.Tensors.Keys)
                Touch(file, name);
        }
        catch (CheckpointException e)
        {
            // What a broken file must give; it names the file.
            Assert.Contains(path, e.Message, StringComparison.Ordinal);
        }
    }

    private static void Touch(SafetensorsFile file, string name)
    {
        try
        {
            var span = file.Bytes(name).Span;
            _ = span.IsEmpty ? 0 : span[0] + span[^1];
        }
        catch (CheckpointException)
        {
            // A type that is not read.
        }
    }

    private void Config(byte[] bytes) => ReadAll(_original, "config.json", bytes, HuggingFaceCheckpoint.Open);

    private void QuantizedConfig(byte[] bytes) => ReadAll(_quantized, "config.json", bytes, QuaRotCheckpoint.Open);

    private void Index(byte[] bytes) => ReadAll(_quantized, "model.safetensors.index.json", bytes, QuaRotCheckpoint.Open);

    private static void ReadAll(string folder, string name, byte[] bytes, Func<string, ICheckpoint> open)
    {
        File.WriteAllBytes(Path.Combine(folder, name), bytes);
        try
        {
            using var checkpoint = open(folder);
            checkpoint.ReadEmbedding();
            for (var layer = 0; layer < Math.Min(2, checkpoint.Config.NumLayers); layer++)
                checkpoint.ReadLayer(layer);
            checkpoint.ReadHead();
        }
        catch (CheckpointException)
        {
            // What a broken file must give.
        }
    }
}
