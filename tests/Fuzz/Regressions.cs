namespace QuaRot.Fuzz.Tests;

/// <summary>Inputs that once broke something, by target: tests/Fuzz/Regressions/TARGET/FILE.</summary>
public static class Regressions
{
    private static readonly string s_root = Path.Combine(AppContext.BaseDirectory, "Regressions");

    /// <summary>The files of a target; a target without any has one row, the empty input.</summary>
    public static IEnumerable<TheoryDataRow<string>> Of(string target)
    {
        var folder = Path.Combine(s_root, target);
        var files = Directory.Exists(folder) ? Directory.GetFiles(folder).Order(StringComparer.Ordinal).ToArray() : [];
        return [new TheoryDataRow<string>(""), .. files.Select(f => new TheoryDataRow<string>(Path.GetRelativePath(s_root, f)))];
    }

    /// <summary>The bytes of a row of <see cref="Of"/>.</summary>
    public static byte[] Read(string file) => file.Length == 0 ? [] : File.ReadAllBytes(Path.Combine(s_root, file));
}
