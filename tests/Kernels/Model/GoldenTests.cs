using System.Text.Json;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Reference;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>The unquantized demo checkpoint against what Hugging Face transformers computed from it.</summary>
public class GoldenTests
{
    // Both sides sum 512 to 1280 products in FP32 in different orders over 6 layers; logits are of size 10 and come with 5 decimals.
    private const double Tolerance = 1e-3;

    [Fact]
    public void Reference_gives_the_logits_of_the_first_case()
    {
        using var backend = new ReferenceBackend();
        RequireLogits(backend, Lexi.Golden.GetProperty("cases")[0]);
    }

    internal static void RequireLogits(Backend backend, JsonElement golden)
    {
        using var checkpoint = Lexi.Plain();
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, pageCount: 8);
        var logits = Sequences.Forward([stage], Sequences.Single(Lexi.Ids(golden, "input_ids"), 0, [.. Enumerable.Range(0, 8)]));
        var last = logits[^1];
        var ids = Lexi.Ids(golden, "last_logits_top8_ids");
        Assert.Equal(ids, Enumerable.Range(0, last.Length).OrderByDescending(id => last[id]).Take(8));
        RequireClose(golden.GetProperty("last_logits_top8"), ids.Select(id => (double)last[id]));
        RequireClose(golden.GetProperty("last_logits_first16"), last.Take(16).Select(value => (double)value));
        var norms = logits.Select(row => Math.Sqrt(row.Sum(value => (double)value * value)));
        RequireClose(golden.GetProperty("logits_l2_per_position"), norms);
    }

    private static void RequireClose(JsonElement expected, IEnumerable<double> actual)
    {
        var values = actual.ToArray();
        Assert.Equal(expected.GetArrayLength(), values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            Assert.Equal(expected[i].GetDouble(), values[i], Tolerance);
        }
    }
}
