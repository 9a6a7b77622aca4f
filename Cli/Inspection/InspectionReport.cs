using System.Globalization;
using System.Text.Json;
using QuaRot.Cli.Commands;
using QuaRot.Engine.Inspection;
using Spectre.Console;

namespace QuaRot.Cli.Inspection;

/// <summary>What rotation does to the outliers of a model.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Text">Name of the text.</param>
/// <param name="Tokens">Tokens looked at.</param>
/// <param name="Seed">Seed of the rotation.</param>
/// <param name="Before">The model as it is.</param>
/// <param name="After">The rotated model.</param>
internal sealed record InspectionReport(string Model, string Text, int Tokens, ulong Seed, ModelProfile Before, ModelProfile After)
{
    public string Caption => $"max|x|/RMS of a token (of keys and values: of a token and head), before → after rotation with seed {Seed}: mean over {Tokens} tokens, and in brackets the largest";

    /// <summary>Heads of the columns.</summary>
    public static string NameOf(InspectedSite site) => site switch
    {
        InspectedSite.AttentionInput => "attention input",
        InspectedSite.OutputInput => "o_proj input",
        InspectedSite.MlpInput => "MLP input",
        InspectedSite.DownInput => "down_proj input",
        InspectedSite.Key => "keys",
        _ => "values",
    };

    /// <summary>The layer whose outliers are the largest before rotation.</summary>
    public int WorstLayer(InspectedSite site) => Enumerable.Range(0, Before.Layers).MaxBy(layer => Before.Figures(layer, site).Mean);

    /// <summary>"6.1 → 3.4 (14.2 → 4.9)": the means, and in brackets the largest.</summary>
    public string Cell(int layer, InspectedSite site) => $"{Means(layer, site)} ({Largest(layer, site)})";

    public void PrintTable()
    {
        Console.WriteLine($"{Model} on {Text}: {Caption}.");
        var table = new Table().AddColumn("layer");
        foreach (var site in ModelProfile.Sites)
            table.AddColumn(NameOf(site));
        for (var layer = 0; layer < Before.Layers; layer++)
            table.AddRow([layer.ToString(CultureInfo.InvariantCulture), .. ModelProfile.Sites.Select(site => $"{Means(layer, site)}\n({Largest(layer, site)})")]);
        Terminal.Out.Write(table);
    }

    public void PrintJson() => Console.WriteLine(JsonSerializer.Serialize(new
    {
        model = Model,
        text = Text,
        tokens = Tokens,
        seed = Seed,
        layers = Enumerable.Range(0, Before.Layers).Select(layer => ModelProfile.Sites.ToDictionary(
            site => JsonNamingPolicy.SnakeCaseLower.ConvertName(site.ToString()),
            site => new { before = Json(Before.Figures(layer, site)), after = Json(After.Figures(layer, site)) })),
    }));

    private static object Json(SiteFigures figures) => new { mean = figures.Mean, largest = figures.Largest, largest_value = figures.LargestValue };

    private string Means(int layer, InspectedSite site) =>
        string.Create(CultureInfo.InvariantCulture, $"{Before.Figures(layer, site).Mean:0.0} → {After.Figures(layer, site).Mean:0.0}");

    private string Largest(int layer, InspectedSite site) =>
        string.Create(CultureInfo.InvariantCulture, $"{Before.Figures(layer, site).Largest:0.0} → {After.Figures(layer, site).Largest:0.0}");
}
