using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>All golden cases on the GPU: what Hugging Face answers in float, and what the CPU answers at four bits.</summary>
[Trait("device", "gpu")]
public class GpuGoldenTests
{
    private const int EndOfTurn = 1;

    private static readonly System.Text.Json.JsonElement[] Cases = [.. Lexi.Golden.GetProperty("cases").EnumerateArray()];

    [Fact]
    public void Gives_the_logits_of_all_cases()
    {
        var gpu = SharedGpu.Require();
        foreach (var golden in Cases.Where(c => c.TryGetProperty("last_logits_top8", out _)))
        {
            GoldenTests.RequireLogits(gpu, golden);
        }
    }

    [Fact]
    public void Answers_greedily_what_Hugging_Face_answers()
    {
        var gpu = SharedGpu.Require();
        using var checkpoint = Lexi.Plain();
        foreach (var (golden, answer) in Cases.Zip(Answers(gpu, checkpoint)))
        {
            Assert.Equal(Lexi.Ids(golden, "greedy_ids"), answer);
        }
    }

    [Fact]
    public void Answers_at_four_bits_what_the_CPU_answers()
    {
        var gpu = SharedGpu.Require();
        using var cpu = CpuBackend.Create();
        using var checkpoint = new CachedCheckpoint(Lexi.Quantized(new QuantizationConfig()));
        Assert.Equal(Answers(cpu, checkpoint), Answers(gpu, checkpoint));
    }

    private static List<List<int>> Answers(Backend backend, ICheckpoint checkpoint)
    {
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, pageCount: 4);
        return [.. Cases.Select(c =>
            Sequences.Greedy(stage, Lexi.Ids(c, "input_ids"), Lexi.Ids(c, "greedy_ids").Length, EndOfTurn))];
    }
}
