using System.Text.Json;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>Files of the checkout: the demo checkpoint and what Hugging Face transformers computed on it.</summary>
internal static class Assets
{
    public static string Root { get; } = FindRoot();

    /// <summary>The unquantized demo checkpoint.</summary>
    public static string Lexi { get; } = Path.Combine(Root, "assets", "lexi-21m");

    public static string Protos { get; } = Path.Combine(Root, "Contracts", "Protos");

    public static JsonElement Golden { get; } = JsonDocument.Parse(File.ReadAllText(Path.Combine(Lexi, "golden.json"))).RootElement;

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "QuaRot.Cluster.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("The tests must run inside a checkout.");
    }
}
