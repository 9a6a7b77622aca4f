using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

public class GemmTests
{
    public static TheoryData<Candidate> Candidates => BackendPair.Candidates;

    [Theory]
    [MemberData(nameof(Candidates))]
    public void All_formats_and_bits_over_risky_shapes(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var format in Enum.GetValues<WeightFormat>())
        {
            foreach (var (rows, outFeatures, inFeatures) in ((int, int, int)[])
                [(1, 1, 2), (1, 16, 64), (3, 17, 30), (4, 15, 8), (5, 33, 100), (9, 64, 136), (2, 512, 512), (7, 40, 1280), (70, 130, 200)])
            {
                foreach (var bits in (int[])[3, 4, 8, 16])
                {
                    Compare(pair, Data.Linear(format, outFeatures, inFeatures, 0, rows % 2 == 1, seed: rows), rows, bits);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Weight_groups(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var format in (WeightFormat[])[WeightFormat.Int4, WeightFormat.Int8])
        {
            foreach (var (inFeatures, group) in ((int, int)[])[(64, 64), (256, 64), (384, 128), (1280, 256)])
            {
                foreach (var bits in (int[])[4, 8, 16])
                {
                    Compare(pair, Data.Linear(format, 20, inFeatures, group, bias: true, seed: group), 6, bits);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Largest_codes_of_all_bits_neither_saturate_nor_overflow(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var format in (WeightFormat[])[WeightFormat.Int4, WeightFormat.Int8])
        {
            foreach (var fill in (byte[])[0x88, 0x77, 0x80, 0x7F])
            {
                var w = Data.Linear(format, 16, 4096, 0, bias: false, seed: 1);
                var data = new byte[w.Data.Length];
                Array.Fill(data, fill);
                foreach (var sign in (float[])[1f, -1f])
                {
                    Compare(pair, w with { Data = data }, 5, 8, [.. Enumerable.Repeat(sign, 5 * 4096)]);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void More_rows_and_columns_than_a_tile_holds(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var (rows, inFeatures, group, bits) in ((int, int, int, int)[])
            [(128, 520, 0, 4), (131, 1034, 0, 4), (130, 1280, 640, 4), (6, 1034, 0, 5), (257, 64, 0, 8)])
        {
            Compare(pair, Data.Linear(WeightFormat.Int4, 70, inFeatures, group, bias: true, seed: rows), rows, bits);
        }
    }

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Infinite_halves_stay_infinite(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        var w = Data.Linear(WeightFormat.Float16, 17, 64, 0, bias: false, seed: 1);
        var data = w.Data.ToArray();
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Half>(data.AsSpan())[70] = Half.PositiveInfinity;
        foreach (var rows in (int[])[1, 2])
        {
            var x = Enumerable.Repeat(1f, rows * 64).ToArray();
            Compare(pair, w with { Data = data }, rows, 16, x);
            Assert.Equal(float.PositiveInfinity, Multiply(pair.Fast, w with { Data = data }, x, rows, 16, accumulate: false)[1]);
        }
    }

    [Fact]
    public void Integer_result_is_exact()
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        var w = new LinearWeights
        {
            Name = "w",
            OutFeatures = 1,
            InFeatures = 4,
            Format = WeightFormat.Int4,
            Data = new byte[] { 0x21, 0x8F },
            Scales = [0.5f],
            Bias = [10f],
        };
        // Codes of x: 7, -7, 0, 7 with scale 1; codes of w: 1, 2, -1, -8.
        Assert.Equal([(0.5f * (7 - 14 - 56)) + 10f], Multiply(pair.Reference, w, [7f, -7f, 0f, 7f], 1, 4, accumulate: false));
    }

    [Theory]
    [InlineData(WeightFormat.Int8, 131_072, "could overflow int32; the limit is 131071")]
    [InlineData(WeightFormat.Int4, 2_097_152, "could overflow int32; the limit is 2097151")]
    public void A_sum_that_could_overflow_is_refused(WeightFormat format, int inFeatures, string problem)
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        var w = Data.Linear(format, 1, inFeatures, 0, bias: false, seed: 1);
        Assert.EndsWith(problem, Assert.Throws<ArgumentException>(() => pair.Fast.LoadLinear(w)).Message);
        Assert.EndsWith(problem, Assert.Throws<ArgumentException>(() => pair.Reference.LoadLinear(w)).Message);
    }

    [Fact]
    public void Bad_shapes_are_refused_by_name()
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        var w = Data.Linear(WeightFormat.Int4, 4, 128, 64, bias: true, seed: 1);
        Refuse(w with { GroupSize = 32 },
            "test.weight: group size 32 must be a multiple of 64 that divides 128 columns of an integer format");
        Refuse(w with { Scales = [1f] }, "test.weight: has 1 scales, not 8");
        Refuse(w with { Bias = [1f] }, "test.weight: bias has 1 elements, not 4");
        Refuse(w with { OutFeatures = 5 }, "test.weight: holds 256 bytes, [5, 128] Int4 needs 320");

        void Refuse(LinearWeights bad, string message) =>
            Assert.Equal(message, Assert.Throws<ArgumentException>(() => pair.Fast.LoadLinear(bad)).Message);
    }

    [Fact]
    public void Int4_weights_stay_half_a_byte_each()
    {
        using var cpu = CpuBackend.Create();
        using var w = cpu.LoadLinear(Data.Linear(WeightFormat.Int4, 512, 1280, 0, bias: false, seed: 1));
        Assert.Equal((512 * 1280 / 2) + (512 * 4), w.Bytes);
    }

    private static void Compare(BackendPair pair, LinearWeights w, int rows, int bits, float[]? input = null)
    {
        var x = input ?? Data.Normal(rows * w.InFeatures, 3);
        foreach (var accumulate in (bool[])[false, true])
        {
            pair.RequireSameBits(backend => Multiply(backend, w, x, rows, bits, accumulate),
                $"{w.Format} [{rows}, {w.InFeatures}] x [{w.OutFeatures}], group {w.GroupSize}, A{bits}, accumulate {accumulate}");
        }
    }

    private static float[] Multiply(Backend backend, LinearWeights weights, float[] input, int rows, int bits, bool accumulate)
    {
        using var w = backend.LoadLinear(weights);
        using var x = backend.Upload(input);
        using var quantized = backend.AllocateRows(rows, weights.InFeatures);
        var start = accumulate ? Data.Normal(rows * weights.OutFeatures, 4) : Data.Poison(rows * weights.OutFeatures);
        using var y = backend.Upload(start);
        backend.QuantizePerToken(x, quantized, rows, weights.InFeatures, bits, 1f);
        backend.Gemm(quantized, w, y, accumulate);
        y.CopyTo(start);
        Assert.DoesNotContain(start, float.IsNaN);
        return start;
    }
}
