using System.Globalization;
using QuaRot.Checkpoints;

namespace QuaRot.Engine.Evaluation.Table;

/// <summary>The formats that the QuaRot paper compares (arXiv 2404.00456): tables 1 and 4, and those on groups and on the KV cache.</summary>
public static class PaperTable
{
    private static readonly QuantizationConfig Float = new() { WeightBits = 16, ActivationBits = 16, KeyBits = 16, ValueBits = 16 };

    /// <summary>All rows, in the order of the table.</summary>
    /// <param name="methods">Weight quantizers to compare, for example <c>rtn</c>; a row without quantized weights comes once.</param>
    public static IReadOnlyList<TableRow> Rows(IReadOnlyList<string> methods) =>
    [
        .. methods.SelectMany(MainRows),
        .. methods.SelectMany(method => new[] { 64, 128, 256 }.Select(group => GroupRow(group, method))),
        .. methods.SelectMany(method => new[] { 8, 4, 3 }.Select(bits => Row($"w{bits}a16", "weights", Float with { WeightBits = bits }, method))),
        .. new[] { 8, 6, 4 }.Select(bits => Row($"w16a{bits}", "activations", Float with { ActivationBits = bits }, null)),
        .. new[] { 0.8f, 0.7f }.Select(ClipRow),
        .. CacheRows(),
    ];

    /// <summary>Those rows that a list of ids and sections names; all for an empty list.</summary>
    /// <exception cref="ArgumentException">A name is neither; the message lists what there is.</exception>
    public static IReadOnlyList<TableRow> Select(IReadOnlyList<TableRow> rows, IReadOnlyList<string> names)
    {
        var unknown = names.FirstOrDefault(name => !rows.Any(row => IsNamed(row, name)));
        return unknown is null
            ? [.. rows.Where(row => names.Count == 0 || names.Any(name => IsNamed(row, name)))]
            : throw new ArgumentException($"there is no row or section '{unknown}'; sections: {Join(rows.Select(row => row.Section))}; rows: {Join(rows.Select(row => row.Id))}");
    }

    private static IEnumerable<TableRow> MainRows(string method) =>
        new[] { false, true }.SelectMany(rotate => new[] { 4, 6, 8 }.Select(bits => Row($"int{bits}", "main", All(bits) with { Rotate = rotate }, method)))
            .Append(Row("w4a8", "main", All(4) with { ActivationBits = 8 }, method));

    private static TableRow GroupRow(int size, string method)
    {
        var row = Row($"int4-g{size}", "groups", All(4) with { GroupSize = size, ActivationGroupSize = size }, method);
        return row with { Name = $"{row.Name}, groups of {size}" };
    }

    private static TableRow ClipRow(float clip)
    {
        var ratio = clip.ToString(CultureInfo.InvariantCulture);
        var row = Row($"w16a4-c{ratio}", "activations", Float with { ActivationBits = 4, ActivationClip = clip }, null);
        return row with { Name = $"{row.Name}, clipped at {ratio}" };
    }

    private static IEnumerable<TableRow> CacheRows() =>
        new[] { (8, 8), (6, 6), (4, 4), (4, 3), (3, 4), (3, 3), (4, 16), (16, 4) }
            .Select(bits => Row($"k{bits.Item1}v{bits.Item2}", "kv", Float with { KeyBits = bits.Item1, ValueBits = bits.Item2 }, null))
            .Append(Row("k4v4", "kv", Float with { KeyBits = 4, ValueBits = 4, Rotate = false }, null));

    private static TableRow Row(string id, string section, QuantizationConfig options, string? method) => new(
        id + (method is null ? "" : $"-{method}") + (options.Rotate ? "" : "-norot"), section, Name(options), options, method ?? "");

    private static string Name(QuantizationConfig q) => q switch
    {
        { WeightBits: 16, ActivationBits: 16 } when q.KeyBits == q.ValueBits => $"KV{q.KeyBits} alone",
        { WeightBits: 16, ActivationBits: 16 } => $"K{q.KeyBits}V{q.ValueBits} alone",
        { WeightBits: 16 } => $"A{q.ActivationBits} alone",
        { ActivationBits: 16 } => $"W{q.WeightBits} alone",
        _ => $"W{q.WeightBits}A{q.ActivationBits}KV{q.KeyBits}",
    };

    private static QuantizationConfig All(int bits) => new() { WeightBits = bits, ActivationBits = bits, KeyBits = bits, ValueBits = bits };

    private static bool IsNamed(TableRow row, string name) => row.Id == name || row.Section == name;

    private static string Join(IEnumerable<string> names) => string.Join(", ", names.Distinct());
}
