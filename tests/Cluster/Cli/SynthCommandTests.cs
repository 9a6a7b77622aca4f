using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Cli;

public class SynthCommandTests
{
    [Theory]
    [InlineData("llama-9", "1", "--shape: there is no shape 'llama-9'; known: llama-2-7b, llama-2-13b, ")]
    [InlineData("qwen2-0.5b", "25", "--layers: is 25; qwen2-0.5b has 1 to 24")]
    [InlineData("qwen2-0.5b", "0", "--layers: is 0; qwen2-0.5b has 1 to 24")]
    public async Task What_cannot_be_made_is_a_clear_error(string shape, string layers, string expected)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"quarot-{Guid.NewGuid():N}");
        var (code, _, error) = await QuarotProcess.Run("synth", "--shape", shape, "--layers", layers, folder);
        Assert.Equal(1, code);
        Assert.StartsWith($"quarot: {expected}", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }
}
