using System.Runtime.InteropServices;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Numerics;
using Xunit;

namespace QuaRot.Kernels.Tests.Ops;

public class AttentionTests
{
    private const byte Poison = 0xFF;

    public static TheoryData<Candidate> Candidates => BackendPair.Candidates;

    [Theory]
    [MemberData(nameof(Candidates))]
    public void Kv_bytes_and_output_for_all_bits_and_head_sizes(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var (keyBits, valueBits) in ((int, int)[])[(4, 4), (3, 8), (8, 3), (5, 6), (6, 5), (7, 4), (4, 7), (8, 8), (6, 16), (16, 6), (32, 32)])
        {
            foreach (var (kvHeads, group, headDim) in ((int, int, int)[])[(1, 1, 8), (3, 1, 2), (2, 2, 64), (1, 3, 80), (1, 1, 128)])
            {
                var layout = Layout(keyBits, valueBits, kvHeads, headDim);
                pair.RequireSameBits(backend => Run(backend, layout, group),
                    $"K{keyBits} V{valueBits}, {kvHeads} x {group} heads of {headDim}");
            }
        }
    }

    /// <summary>One row at the ends of tiles and of spans of 512 positions, alone and beside rows of other sequences.</summary>
    [Theory]
    [MemberData(nameof(Candidates))]
    public void Decoding_at_the_ends_of_tiles_and_spans(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var (keyBits, valueBits) in ((int, int)[])[(4, 4), (8, 5), (16, 16)])
        {
            foreach (var group in (int[])[1, 3])
            {
                pair.RequireSameBits(backend => AtEnds(backend, Layout(keyBits, valueBits, 2, 16), group), $"K{keyBits} V{valueBits}, {group} heads");
            }
        }
    }

    /// <summary>As many rows and heads as a GPU has places for blocks, so that each block goes from span to span.</summary>
    [Theory]
    [MemberData(nameof(Candidates))]
    public void Decoding_of_many_rows_over_several_spans(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        int[] positions = [63, 511, 512, 575, .. Enumerable.Range(0, 28).Select(i => 580 + (15 * i))];
        foreach (var (group, headDim) in ((int, int)[])[(1, 128), (2, 64)])
        {
            pair.RequireSameBits(
                backend =>
                {
                    using var cache = new LongCache(backend, Layout(4, 4, 8, headDim), positions.Max() + 1, seed: 6);
                    return cache.Attend(positions, [.. Enumerable.Range(0, positions.Length)], group);
                },
                $"8 x {group} heads of {headDim}");
        }
    }

    /// <summary>A chunk from before a span's end to after it, rows of two others beside it.</summary>
    [Theory]
    [MemberData(nameof(Candidates))]
    public void A_chunk_across_the_end_of_a_span(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        pair.RequireSameBits(backend => AcrossSpans(backend, Layout(4, 4, 1, 64), chunk: 100), "one chunk");
    }

    [Fact]
    public void A_chunk_gives_what_its_rows_give_one_by_one()
    {
        using var backend = CpuBackend.Create();
        var layout = Layout(4, 4, 1, 64);
        Assert.Equal(AcrossSpans(backend, layout, chunk: 100), AcrossSpans(backend, layout, chunk: 1));
        Assert.Equal(AcrossSpans(backend, layout, chunk: 100), AcrossSpans(backend, layout, chunk: 7));
    }

    /// <summary>Keys and values that are their own codes, so that every number can be followed by hand.</summary>
    [Theory]
    [MemberData(nameof(Candidates))]
    public void Two_positions_by_hand(Candidate candidate)
    {
        using var pair = new BackendPair(candidate);
        foreach (var backend in (Backend[])[pair.Reference, pair.Fast])
        {
            // Clip 1: each head runs from 0 to 15, so its codes are its elements, with scale 1 and minimum 0.
            var layout = Layout(4, 4, 1, 2) with { Clip = 1f };
            float[] k = [0f, 15f, 15f, 0f], v = [0f, 15f, 15f, 0f], q = [0f, 0f, 0.5f, 0.2f];
            var o = Attend(backend, layout, q, k, v, Batch([0, 1], [0, 0], [[0]]), heads: 1).Output;

            // Position 0 attends to itself alone, with a weight of 255 steps.
            var step = 1f / 255f;
            Assert.Equal([0f, step * (255 * 15f)], o[..2]);

            // Position 1: codes 127 and 51 (0.2·254 = 50.8); integer scores 51·15 and 127·15; the second weight is 255 of 255.
            var factor = 0.5f / 127f * (1f / MathF.Sqrt(2f));
            var p = FloatMath.Exp((factor * (51 * 15f)) - (factor * (127 * 15f)));
            Assert.Equal(step * (255 * 15f) / (p + 1f), o[2]);
            Assert.Equal(step * (MathF.Round(p * (1f / step)) * 15f) / (p + 1f), o[3]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Threads_do_not_show(int threads)
    {
        using var pair = new BackendPair(Candidate.Cpu128, threads);
        pair.RequireSameBits(backend => Run(backend, Layout(4, 4, 2, 64), 2), $"{threads} threads");
    }

    [Fact]
    public void Output_is_the_softmax_over_all_earlier_positions()
    {
        const int Dim = 16;
        const int Length = 130;
        using var backend = CpuBackend.Create();
        var (q, k, v) = (Data.Normal(Length * Dim, 1), Data.Normal(Length * Dim, 2), Data.Normal(Length * Dim, 3));
        var layout = Layout(32, 32, 1, Dim);
        var o = Attend(backend, layout, q, k, v, Batch([.. Enumerable.Range(0, Length)], new int[Length], [[3, 0, 1]]), heads: 1).Output;
        for (var row = 0; row < Length; row++)
        {
            var scores = Enumerable.Range(0, row + 1).Select(j =>
                Enumerable.Range(0, Dim).Sum(d => (double)q[(row * Dim) + d] * k[(j * Dim) + d]) / 4);
            var weights = scores.Select(Math.Exp).ToArray();
            for (var d = 0; d < Dim; d++)
            {
                var expected = weights.Select((weight, j) => weight * v[(j * Dim) + d]).Sum() / weights.Sum();
                Assert.Equal(expected, o[(row * Dim) + d], 1e-4);
            }
        }
    }

    [Fact]
    public void Four_bit_keys_are_a_clipped_range_in_sixteen_steps()
    {
        using var backend = CpuBackend.Create();
        float[] k = [-8f, 8f, 0f, 1f, .. new float[12]];
        var bytes = Attend(backend, Layout(4, 4, 1, 16), k, k, k, Batch([0], [0], [[0]]), heads: 1).KvBytes;
        var min = (float)(Half)(0.95f * -8f);
        var scale = (float)(Half)(0.95f * 16f / 15f);
        Assert.Equal(2 * (8 + 4), bytes.Length);
        Assert.Equal(0xF0, bytes[0]);
        Assert.Equal((int)MathF.Round((0f - min) / scale) | ((int)MathF.Round((1f - min) / scale) << 4), bytes[1]);
        Assert.Equal((Half)scale, MemoryMarshal.Read<Half>(bytes.AsSpan(8)));
        Assert.Equal((Half)min, MemoryMarshal.Read<Half>(bytes.AsSpan(10)));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(3.5f)]
    [InlineData(-1e6f)]
    public void A_constant_head_gets_scale_1_and_stays_finite(float value)
    {
        using var pair = new BackendPair(Candidate.Cpu128);
        float[] k = [.. Enumerable.Repeat(value, 64)];
        foreach (var backend in (Backend[])[pair.Reference, pair.Fast])
        {
            var (output, bytes) = Attend(backend, Layout(4, 4, 1, 64), k, k, k, Batch([0], [0], [[0]]), heads: 1);
            Assert.Equal((Half)1f, MemoryMarshal.Read<Half>(bytes.AsSpan(32)));
            Assert.All(output, x => Assert.Equal(Math.Clamp(value, -65504f, 65504f), x));
        }
    }

    [Fact]
    public void Cache_is_four_bits_an_element_plus_two_halves_a_head()
    {
        using var backend = CpuBackend.Create();
        using var cache = backend.AllocateKvCache(Layout(4, 4, 4, 64));
        Assert.Equal(4 * KvLayout.PageSize * 4 * 2 * (32 + 4), cache.Layout.TotalBytes);
    }

    [Fact]
    public void Unsupported_bits_are_refused()
    {
        using var backend = CpuBackend.Create();
        var error = Assert.Throws<ArgumentException>(() => backend.AllocateKvCache(Layout(9, 4, 1, 64)));
        Assert.Equal("a KV cache of 9 bits: supported are 3 to 8, 16 and 32", error.Message);
    }

    private static KvLayout Layout(int keyBits, int valueBits, int kvHeads, int headDim) => new()
    {
        PageCount = 4,
        Layers = 1,
        KvHeads = kvHeads,
        HeadDim = headDim,
        KeyBits = keyBits,
        ValueBits = valueBits,
        Clip = 0.95f,
    };

    private static ForwardBatch Batch(int[] positions, int[] sequences, int[][] tables) => new()
    {
        TokenIds = new int[positions.Length],
        Positions = positions,
        SequenceOfRow = sequences,
        BlockTables = tables,
        OutputRows = [],
    };

    private static float[] AtEnds(Backend backend, KvLayout layout, int group)
    {
        var result = new List<float>();
        int[] lengths = [63, 64, 65, 128, 511, 512, 513, 514, 576, 577, 1024, 1025, 1100];
        using var caches = new LongCache(backend, layout, lengths[^1], seed: 4);
        foreach (var length in lengths)
        {
            int[] positions = [length - 1, 0, length / 2];
            result.AddRange(caches.Attend(positions, [0, 1, 2], group));
        }

        return [.. result];
    }

    private static float[] AcrossSpans(Backend backend, KvLayout layout, int chunk)
    {
        const int First = 450;
        const int Rows = 100;
        var result = new List<float>();
        using var caches = new LongCache(backend, layout, First + Rows, seed: 5);
        for (var done = 0; done < Rows; done += chunk)
        {
            var rows = Math.Min(chunk, Rows - done);
            result.AddRange(caches.Attend([.. Enumerable.Range(First + done, rows), 10, 200], [.. new int[rows], 1, 2], group: 2)[..(rows * 2 * layout.HeadDim)]);
        }

        return [.. result];
    }

    /// <summary>Two sequences on scattered pages: one of 66 positions in one go, one that decodes positions 0 to 1.</summary>
    private static float[] Run(Backend backend, KvLayout layout, int group)
    {
        int[] positions = [.. Enumerable.Range(0, 66), 0, 1];
        int[] sequences = [.. new int[66], 1, 1];
        var kv = positions.Length * layout.KvHeads * layout.HeadDim;
        var result = Attend(backend, layout, Data.Normal(kv * group, 1), Data.Normal(kv, 2), Data.Normal(kv, 3),
            Batch(positions, sequences, [[2, 0], [3]]), layout.KvHeads * group);
        Assert.DoesNotContain(result.Output, float.IsNaN);
        return [.. result.Output, .. result.KvBytes.Select(value => (float)value)];
    }

    private static (float[] Output, byte[] KvBytes) Attend(
        Backend backend, KvLayout layout, float[] q, float[] k, float[] v, ForwardBatch batch, int heads)
    {
        using var cache = backend.AllocateKvCache(layout);
        cache.Fill(Poison);
        using var queries = backend.Upload(q);
        using var keys = backend.Upload(k);
        using var values = backend.Upload(v);
        using var o = backend.Upload(Data.Poison(q.Length));
        backend.AppendPagedKvCache(keys, values, cache, 0, batch);
        backend.Attention(queries, cache, 0, batch, heads, o);
        var output = new float[q.Length];
        o.CopyTo(output);
        var bytes = new byte[batch.Rows * layout.SlotBytes];
        for (var row = 0; row < batch.Rows; row++)
        {
            var (page, slot) = batch.PageAndSlot(row);
            cache.CopyKvBytes(0, page, slot, bytes.AsSpan(row * layout.SlotBytes, layout.SlotBytes));
        }

        return (output, bytes);
    }
}
