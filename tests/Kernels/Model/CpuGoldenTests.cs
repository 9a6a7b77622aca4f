using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Tests.Ops;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>All golden cases on the CPU backend: logits, and what greedy decoding answers, chats included.</summary>
public class CpuGoldenTests
{
    private const int EndOfTurn = 1;

    public static TheoryData<SimdWidth> Widths =>
        [.. Enum.GetValues<SimdWidth>().Where(CpuBackend.Supports)];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Gives_the_logits_of_all_cases(SimdWidth width)
    {
        using var backend = CpuBackend.Create(width, threads: 2);
        foreach (var golden in Lexi.Golden.GetProperty("cases").EnumerateArray().Where(c => c.TryGetProperty("last_logits_top8", out _)))
        {
            GoldenTests.RequireLogits(backend, golden);
        }
    }

    [Fact]
    public void Answers_greedily_what_Hugging_Face_answers()
    {
        using var backend = CpuBackend.Create();
        using var checkpoint = Lexi.Plain();
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, checkpoint.Config.NumLayers), backend, pageCount: 4);
        var cases = Lexi.Golden.GetProperty("cases").EnumerateArray().ToArray();
        Assert.Equal(11, cases.Length);
        foreach (var golden in cases)
        {
            var expected = Lexi.Ids(golden, "greedy_ids");
            Assert.Equal(expected, Sequences.Greedy(stage, Lexi.Ids(golden, "input_ids"), expected.Length, EndOfTurn));
        }
    }
}
