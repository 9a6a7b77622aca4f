using System.Globalization;
using System.Net;
using System.Text;
using QuaRot.Engine.Inspection;

namespace QuaRot.Cli.Inspection;

/// <summary>An <see cref="InspectionReport"/> as one HTML file: the plot and the table.</summary>
internal static class InspectionPage
{
    private const string Style = """
        body { margin: 24px auto; max-width: 1240px; font: 14px Helvetica, Arial, sans-serif; color: #1f2937; background: #fff; }
        svg { max-width: 100%; height: auto; }
        table { border-collapse: collapse; margin: 16px 28px; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: #4b5563; padding-bottom: 8px; }
        th, td { padding: 4px 12px 4px 0; text-align: left; border-bottom: 1px solid #e5e7eb; white-space: nowrap; }
        """;

    public static string Write(InspectionReport report)
    {
        var page = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.Append(CultureInfo.InvariantCulture, $"<title>{WebUtility.HtmlEncode(report.Model)}: activations before and after rotation</title>\n<style>\n{Style}\n</style>\n</head>\n<body>\n");
        page.Append(new InspectionPlot(report).Draw());
        page.Append(CultureInfo.InvariantCulture, $"<table>\n<caption>{WebUtility.HtmlEncode(report.Caption)}.</caption>\n<tr><th>layer</th>");
        foreach (var site in ModelProfile.Sites)
            page.Append(CultureInfo.InvariantCulture, $"<th>{InspectionReport.NameOf(site)}</th>");
        page.Append("</tr>\n");
        for (var layer = 0; layer < report.Before.Layers; layer++)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{layer}</td>");
            foreach (var site in ModelProfile.Sites)
                page.Append(CultureInfo.InvariantCulture, $"<td>{report.Cell(layer, site)}</td>");
            page.Append("</tr>\n");
        }

        return page.Append("</table>\n</body>\n</html>\n").ToString();
    }
}
