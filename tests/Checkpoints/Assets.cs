namespace QuaRot.Checkpoints.Tests;

/// <summary>Finds the demo checkpoint from wherever the tests run.</summary>
internal static class Assets
{
    public static string Lexi { get; } = FindLexi();

    private static string FindLexi()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "assets", "lexi-21m");
            if (Directory.Exists(candidate))
                return candidate;
        }

        throw new DirectoryNotFoundException($"assets/lexi-21m is in no folder above {AppContext.BaseDirectory}");
    }
}
