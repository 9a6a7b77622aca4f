using System.Text.Json;

namespace QuaRot.Cli.Commands;

/// <summary>What a measuring command writes for <c>--json FILE</c>.</summary>
internal static class FiguresFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Writes the figures as indented JSON.</summary>
    public static void Write<T>(FileInfo file, T figures) => File.WriteAllText(file.FullName, JsonSerializer.Serialize(figures, Indented));
}
