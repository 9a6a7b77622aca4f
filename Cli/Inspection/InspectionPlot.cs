using System.Globalization;
using System.Net;
using System.Text;
using QuaRot.Engine.Inspection;

namespace QuaRot.Cli.Inspection;

/// <summary>Draws an <see cref="InspectionReport"/> as SVG, after figure 1 of the QuaRot paper (arXiv 2404.00456).</summary>
/// <remarks>
/// A row for each site: the magnitudes of its worst layer by channel and token before and after rotation, on one scale, and the ratio
/// of all layers. No scripts, no fonts or files from elsewhere.
/// </remarks>
internal sealed class InspectionPlot(InspectionReport report)
{
    private const int Width = 1240;
    private const int Top = 92;
    private const int RowHeight = 236;
    private const string BeforeColour = "#c2410c";
    private const string AfterColour = "#1d4ed8";

    private static readonly PanelFrame BeforePanel = new(28, 430);
    private static readonly PanelFrame AfterPanel = new(478, 430);
    private static readonly PanelFrame ChartPanel = new(962, 250);

    private readonly StringBuilder _svg = new();

    /// <summary>The whole drawing.</summary>
    public string Draw()
    {
        var height = Top + (RowHeight * ModelProfile.Sites.Length) + 24;
        _svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{height}\" viewBox=\"0 0 {Width} {height}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#1f2937\">\n");
        _svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{Width}\" height=\"{height}\" fill=\"#ffffff\"/>\n");
        Text(28, 34, $"Activations of {report.Model} before and after rotation", "font-size=\"20\" font-weight=\"600\"");
        Text(28, 56, $"Magnitude by channel (left to right) and token (back to front) in the layer with the largest outliers; at the right, solid: mean over tokens, dashed: largest; {report.Text}, {report.Tokens} tokens, seed {report.Seed}.", "fill=\"#4b5563\"");
        Text(BeforePanel.X, Top - 8, "before rotation", $"font-weight=\"600\" fill=\"{BeforeColour}\"");
        Text(AfterPanel.X, Top - 8, "after rotation", $"font-weight=\"600\" fill=\"{AfterColour}\"");
        Text(ChartPanel.X, Top - 8, "max|x| / RMS by layer", "font-weight=\"600\"");
        for (var i = 0; i < ModelProfile.Sites.Length; i++)
            DrawSite(ModelProfile.Sites[i], Top + (i * RowHeight));
        return _svg.Append("</svg>\n").ToString();
    }

    private void DrawSite(InspectedSite site, int y)
    {
        var layer = report.WorstLayer(site);
        var (before, after) = (report.Before.Map(layer, site), report.After.Map(layer, site));
        var largest = before.Concat(after).Max(token => token.Max());
        _svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"28\" x2=\"{Width - 28}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#e5e7eb\"/>\n");
        Text(28, y + 20, $"{InspectionReport.NameOf(site)}, layer {layer}", "font-weight=\"600\" font-size=\"13\"");
        Ridges(before, largest, BeforePanel, y, BeforeColour, "#fff7ed", report.Before.Figures(layer, site));
        Ridges(after, largest, AfterPanel, y, AfterColour, "#eff6ff", report.After.Figures(layer, site));
        Chart(site, y + 30, RowHeight - 66);
    }

    /// <summary>One filled line for each token, the last one at the back.</summary>
    private void Ridges(IReadOnlyList<float[]> tokens, float largest, PanelFrame panel, int y, string stroke, string fill, SiteFigures figures)
    {
        const double Depth = 62, Slant = 56, Amplitude = 116;
        Text(panel.X + panel.Width, y + 20, string.Create(CultureInfo.InvariantCulture, $"ratio {figures.Mean:0.0}, at most {figures.Largest:0.0}; max|x| {figures.LargestValue:0.0#}"), "text-anchor=\"end\" fill=\"#4b5563\"");
        for (var t = tokens.Count - 1; t >= 0; t--)
        {
            var back = tokens.Count == 1 ? 0 : (double)t / (tokens.Count - 1);
            var (left, baseline) = (panel.X + (Slant * back), y + RowHeight - 24 - (Depth * back));
            var step = (panel.Width - Slant) / (tokens[t].Length - 1.0);
            _svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{left:0.#} {baseline:0.#}");
            for (var c = 0; c < tokens[t].Length; c++)
                _svg.Append(CultureInfo.InvariantCulture, $"L{left + (c * step):0.#} {baseline - (Amplitude * tokens[t][c] / largest):0.#}");
            _svg.Append(CultureInfo.InvariantCulture, $"L{panel.X + (Slant * back) + panel.Width - Slant:0.#} {baseline:0.#}Z\" fill=\"{fill}\" fill-opacity=\"0.9\" stroke=\"{stroke}\" stroke-width=\"0.7\" stroke-linejoin=\"round\"/>\n");
        }

        Text(panel.X + ((panel.Width - Slant) / 2), y + RowHeight - 8, "channel", "text-anchor=\"middle\" font-size=\"10\" fill=\"#6b7280\"");
        Text(panel.X + panel.Width - (Slant / 2) + 8, y + RowHeight - 38, "token", "font-size=\"10\" fill=\"#6b7280\"");
    }

    private void Chart(InspectedSite site, int y, int height)
    {
        var layers = Enumerable.Range(0, report.Before.Layers).ToArray();
        var highest = layers.Max(layer => Math.Max(report.Before.Figures(layer, site).Largest, report.After.Figures(layer, site).Largest));
        var top = NiceCeiling(highest);
        for (var i = 0; i <= 4; i++)
        {
            var at = y + height - (height * i / 4.0);
            _svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{ChartPanel.X}\" x2=\"{ChartPanel.X + ChartPanel.Width}\" y1=\"{at:0.#}\" y2=\"{at:0.#}\" stroke=\"#e5e7eb\"/>\n");
            Text(ChartPanel.X - 6, at + 4, (top * i / 4).ToString("0.#", CultureInfo.InvariantCulture), "text-anchor=\"end\" font-size=\"10\" fill=\"#6b7280\"");
        }

        foreach (var (profile, colour) in new[] { (report.Before, BeforeColour), (report.After, AfterColour) })
        {
            Line(layers.Select(layer => profile.Figures(layer, site).Mean / top), y, height, $"stroke=\"{colour}\" stroke-width=\"2\"");
            Line(layers.Select(layer => profile.Figures(layer, site).Largest / top), y, height, $"stroke=\"{colour}\" stroke-dasharray=\"3 3\"");
        }

        foreach (var layer in layers.Where(layer => layer % Math.Max(1, layers.Length / 8) == 0))
            Text(LayerX(layer), y + height + 14, layer.ToString(CultureInfo.InvariantCulture), "text-anchor=\"middle\" font-size=\"10\" fill=\"#6b7280\"");
        Text(ChartPanel.X + (ChartPanel.Width / 2), y + height + 28, "layer", "text-anchor=\"middle\" font-size=\"10\" fill=\"#6b7280\"");
    }

    private void Line(IEnumerable<double> shares, int y, int height, string style)
    {
        var points = string.Join(' ', shares.Select((share, layer) => string.Create(CultureInfo.InvariantCulture, $"{LayerX(layer):0.#},{y + height - (height * share):0.#}")));
        _svg.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{points}\" fill=\"none\" {style}/>\n");
    }

    private double LayerX(int layer) => ChartPanel.X + 8 + (layer * (ChartPanel.Width - 16.0) / Math.Max(1, report.Before.Layers - 1));

    private void Text(double x, double y, string text, string style) =>
        _svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.#}\" y=\"{y:0.#}\" {style}>{WebUtility.HtmlEncode(text)}</text>\n");

    /// <summary>The next of 4, 8, 12, 20, 40, 80, 120, ...: a fourth of it reads well.</summary>
    private static double NiceCeiling(double value)
    {
        for (var unit = 4.0; ; unit *= 10)
        {
            foreach (var factor in (double[])[1, 2, 3, 5])
            {
                if (unit * factor >= value)
                    return unit * factor;
            }
        }
    }

    private readonly record struct PanelFrame(double X, double Width);
}
