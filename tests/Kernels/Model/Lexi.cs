using System.Text.Json;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Rotation;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>The demo checkpoint in the forms that the tests need.</summary>
internal static class Lexi
{
    public static string Folder { get; } = FindFolder();

    public static JsonElement Golden { get; } =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "golden.json"))).RootElement;

    /// <summary>Real text, as ids: what the model answers in all golden cases, joined.</summary>
    public static int[] Text { get; } =
        [.. Golden.GetProperty("cases").EnumerateArray().SelectMany(c => Ids(c, "input_ids").Concat(Ids(c, "greedy_ids")))];

    public static ICheckpoint Plain() => HuggingFaceCheckpoint.Open(Folder);

    public static ICheckpoint Rotated() => new RotatedCheckpoint(Plain(), seed: 7);

    /// <summary>Quantized while it is read; quick round-to-nearest without clip search.</summary>
    public static ICheckpoint Quantized(QuantizationConfig quantization) =>
        new QuantizingCheckpoint(quantization.Rotate ? Rotated() : Plain(), quantization with { WeightClipSearch = false });

    public static int[] Ids(JsonElement element, string property) =>
        [.. element.GetProperty(property).EnumerateArray().Select(id => id.GetInt32())];

    private static string FindFolder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "assets", "lexi-21m");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        throw new DirectoryNotFoundException($"assets/lexi-21m is in no folder above {AppContext.BaseDirectory}");
    }
}
