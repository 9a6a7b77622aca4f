using System.Text.Json;

namespace QuaRot.Checkpoints.QuaRot;

/// <summary>The note in a staging folder of how many layers are whole, what they depend on, and their activation clips.</summary>
internal sealed class StagedLayers
{
    public const string FileName = ".resume.json";

    private readonly string _folder;
    private readonly Content _content;

    private StagedLayers(string folder, Content content) => (_folder, _content) = (folder, content);

    /// <summary>Whole layers, from the first on.</summary>
    public int Count => _content.Clips.Count;

    /// <summary>Clips of each whole layer; null where there are none.</summary>
    public IReadOnlyList<float[]?> Clips => _content.Clips;

    /// <summary>The key of what lies in <paramref name="folder"/>; null where nothing usable does.</summary>
    public static string? KeyOf(string folder) => Read(folder)?.Key;

    /// <summary>What lies in the folder, or a new note without layers.</summary>
    public static StagedLayers Open(string folder, string key) =>
        new(folder, Read(folder) is { } content && content.Key == key ? content : new Content(key, []));

    /// <summary>Notes that the next layer is whole; its file must be written.</summary>
    public void Add(IReadOnlyList<float>? clips)
    {
        _content.Clips.Add(clips?.ToArray());

        // Renamed into place: a note that is cut short must not count layers.
        string file = Path.Combine(_folder, FileName);
        File.WriteAllText(file + ".new", JsonSerializer.Serialize(_content));
        File.Move(file + ".new", file, overwrite: true);
    }

    private static Content? Read(string folder)
    {
        string file = Path.Combine(folder, FileName);
        try
        {
            return File.Exists(file) && JsonSerializer.Deserialize<Content>(File.ReadAllText(file)) is { Key: not null, Clips: not null } content
                ? content
                : null;
        }
        catch (JsonException)
        {
            // Nothing to rely on: the caller starts from the first layer.
            return null;
        }
    }

    private sealed record Content(string Key, List<float[]?> Clips);
}
