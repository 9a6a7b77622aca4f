using System.Runtime.InteropServices;
using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Reference;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels.Gpu;

/// <summary>Runs each op on a GPU and in plain loops, and compares the bits: a driver or compiler that breaks the contract shows here.</summary>
public sealed class KernelCheck
{
    private readonly Func<Backend, float[]> _run;

    private KernelCheck(string name, Func<Backend, float[]> run) => (Name, _run) = (name, run);

    /// <summary>All checks: every kernel at least once.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        new("embed_tokens, gather_rows", Embed),
        new("rms_norm", b => Apply(b, 5 * 1000, (x, y) => b.RmsNorm(x, null, null, 1e-5f, y, 5, 1000))),
        .. ((int[])[1000, 5000, 9000]).SelectMany(width => ((bool[])[false, true]).Select(isBiased => new KernelCheck(
            $"rms_norm_quantize, {width} elements{(isBiased ? ", with bias" : "")}", b => NormQuantize(b, width, isBiased)))),
        new("silu_and_mul", b => Apply(b, 5000, (x, y) => b.SiluAndMul(x, x, y, 5000))),
        new("apply_rope", Rope),
        new("hadamard_transform, 2^k", b => Hadamard(b, new HadamardShape(4, 128, 1))),
        new("hadamard_transform, m·2^k", b => Hadamard(b, new HadamardShape(1, 20, 64))),
        new("hadamard_quantize, 2^k", b => HadamardQuantize(b, new HadamardShape(1, 4096, 1))),
        new("hadamard_quantize, across 2^k heads", b => HadamardQuantize(b, new HadamardShape(1, 32, 128))),
        new("hadamard_quantize, m·2^k (tensor cores)", b => HadamardQuantize(b, new HadamardShape(1, 28 * 128, 1))),
        new("hadamard_quantize, large m (tensor cores)", b => HadamardQuantize(b, new HadamardShape(1, 172 * 64, 1))),
        new("hadamard_quantize, 28·512 (Llama-3-8B)", b => HadamardQuantize(b, new HadamardShape(1, 28 * 512, 1))),
        new("hadamard_quantize, 28·1024 (Llama-2-70B)", b => HadamardQuantize(b, new HadamardShape(1, 28 * 1024, 1))),
        new("hadamard_quantize, across m·2^k heads of no power of two", b => HadamardQuantize(b, new HadamardShape(1, 40, 80))),
        new("w4a4_gemm, 1 row", b => Gemm(b, WeightFormat.Int4, 1, 0, 4)),
        new("w4a4_gemm, 4 rows", b => Gemm(b, WeightFormat.Int4, 4, 0, 4)),
        new("w4a4_gemm, 70 rows in groups (tensor cores)", b => Gemm(b, WeightFormat.Int4, 70, 64, 4)),
        new("w8a8_gemm, 1 row", b => Gemm(b, WeightFormat.Int8, 1, 0, 8)),
        new("w8a8_gemm, 4 rows", b => Gemm(b, WeightFormat.Int8, 4, 0, 8)),
        new("w8a8_gemm, 70 rows (tensor cores)", b => Gemm(b, WeightFormat.Int8, 70, 0, 8)),
        .. Enum.GetValues<WeightFormat>().SelectMany(format => ((int[])[1, 9]).Select(rows =>
            new KernelCheck($"gemm, {format} weights, float activations, {rows} row(s)", b => Gemm(b, format, rows, 0, 16)))),
        new("gemm, float weights, 4-bit activations", b => Gemm(b, WeightFormat.Float16, 2, 0, 4)),
        .. ((int[])[1, 2, 4, 9]).Select(rows => new KernelCheck($"lm_head, {rows} row(s)", b => Gemm(b, WeightFormat.Float16, rows, 0, 16, 16_400))),
        new("sample_token", Sample),
        .. ((int[])[4, 8, 16, 32]).Select(bits => new KernelCheck($"append_paged_kv_cache, attention, KV{bits}, heads of 80",
            b => Attention(b, new KvShape(bits, bits, 80, 2)))),
        .. ((int[])[64, 128]).SelectMany(dim => ((int[])[1, 2, 4, 8]).Select(group => new KernelCheck(
            $"flash_prefill, flash_decode, heads of {dim}, {group} a K/V head", b => Attention(b, new KvShape(4, 4, dim, group))))),
        .. ((int[])[64, 128]).SelectMany(dim => ((int, int)[])[(3, 8), (6, 4), (8, 8)], (dim, bits) => new KernelCheck(
            $"flash_prefill, flash_decode, K{bits.Item1} V{bits.Item2}, heads of {dim}", b => Attention(b, new KvShape(bits.Item1, bits.Item2, dim, 2)))),
    ];

    /// <summary>Kernels that it covers.</summary>
    public string Name { get; }

    /// <summary>Null where every bit agrees; else the first element that does not.</summary>
    /// <exception cref="GpuException">The GPU failed.</exception>
    public string? Run(GpuBackend gpu)
    {
        using var reference = new ReferenceBackend();
        var (expected, actual) = (_run(reference), _run(gpu));
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i]))
            {
                return $"element {i} is {actual[i]:R}, the reference has {expected[i]:R}";
            }
        }

        return null;
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * (random.Next(50) == 0 ? 40 : 2)))];
    }

    private static float[] Read(FloatBuffer buffer)
    {
        var values = new float[buffer.Length];
        buffer.CopyTo(values);
        return values;
    }

    private static float[] Apply(Backend backend, int length, Action<FloatBuffer, FloatBuffer> op)
    {
        using var x = backend.Upload(Values(length, 1));
        using var y = backend.Upload(new float[length]);
        op(x, y);
        return Read(y);
    }

    private static LinearWeights Linear(WeightFormat format, int outFeatures, int inFeatures, int group)
    {
        var isInteger = format is WeightFormat.Int4 or WeightFormat.Int8;
        var shape = new LinearWeights
        {
            Name = "check",
            OutFeatures = outFeatures,
            InFeatures = inFeatures,
            Format = format,
            Data = default,
            GroupSize = group,
            Scales = isInteger ? Values(outFeatures * (group == 0 ? 1 : inFeatures / group), 2) : [],
            Bias = Values(outFeatures, 3),
        };
        var data = new byte[shape.RowBytes * outFeatures];
        var values = Values(outFeatures * inFeatures, 4);
        if (isInteger)
        {
            new Random(5).NextBytes(data);
        }
        else if (format == WeightFormat.Float32)
        {
            MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(data);
        }
        else
        {
            values.Select(x => (Half)x).ToArray().AsSpan().CopyTo(MemoryMarshal.Cast<byte, Half>(data.AsSpan()));
        }

        return shape with { Data = data };
    }

    private static float[] Embed(Backend backend)
    {
        using var table = backend.LoadEmbedding(Linear(WeightFormat.Float16, 50, 100, 0));
        using var x = backend.AllocateFloats(300);
        using var y = backend.AllocateFloats(200);
        backend.EmbedTokens(table, [49, 0, 7], x);
        backend.GatherRows(x, [2, 0], y, 100);
        return Read(y);
    }

    private static float[] Rope(Backend backend)
    {
        using var table = new RopeTable(backend, 100, 64, 10_000f);
        using var x = backend.Upload(Values(3 * 2 * 64, 6));
        backend.ApplyRope(x, table, [0, 50, 99], heads: 2);
        return Read(x);
    }

    private static float[] Hadamard(Backend backend, HadamardShape shape)
    {
        using var x = backend.Upload(Values(3 * shape.Width, 7));
        backend.HadamardTransform(x, 3, shape);
        return Read(x);
    }

    // Codes and scales show through a GEMM whose weights are floats.
    private static float[] Quantized(Backend backend, int rows, int width, Action<FloatBuffer, QuantizedRows> op)
    {
        const int Out = 20;
        using var w = backend.LoadLinear(Linear(WeightFormat.Float32, Out, width, 0));
        using var x = backend.Upload(Values(rows * width, 12));
        using var quantized = backend.AllocateRows(rows, width);
        using var y = backend.AllocateFloats(rows * Out);
        op(x, quantized);
        backend.Gemm(quantized, w, y, accumulate: false);
        return Read(y);
    }

    // As many rows as decode and as a prefill has: other kernels.
    private static float[] HadamardQuantize(Backend backend, HadamardShape shape) => [.. new[] { 3, 20 }.SelectMany(rows =>
        Quantized(backend, rows, shape.Width, (x, y) => backend.HadamardQuantize(x, y, rows, shape, 4, 0.9f)))];

    private static float[] NormQuantize(Backend backend, int width, bool isBiased) => Quantized(backend, 2, width, (x, y) =>
    {
        using var gain = backend.Upload(Values(width, 13));
        using var bias = isBiased ? backend.Upload(Values(width, 16)) : null;
        if (backend is GpuBackend gpu)
        {
            gpu.RmsNormQuantize(x, gain, bias, 1e-5f, y, 2, width, 4, 0.9f);
            return;
        }

        backend.RmsNorm(x, gain, bias, 1e-5f, x, 2, width);
        backend.QuantizePerToken(x, y, 2, width, 4, 0.9f);
    });

    private static float[] Sample(Backend backend)
    {
        const int Vocab = 5000;
        SamplingRow[] rows =
        [
            new() { Position = 1, RepetitionPenalty = 1.3f, PenaltyTokens = [3, 70, 4999] },
            new() { Position = 2, Seed = 5, Temperature = 0.8f, TopK = 40, TopP = 0.9f },
            new() { Position = 3, Seed = 6, Temperature = 1.5f, TopP = 0.95f, MinP = 0.02f },
        ];
        var logits = Values(rows.Length * Vocab, 14);
        if (backend is not GpuBackend gpu)
        {
            return [.. rows.Select((row, i) => (float)TokenSampler.Sample(logits.AsSpan(i * Vocab, Vocab), row).TokenId)];
        }

        using var sampler = new GpuSampler(gpu.Device, Vocab, rows.Length);
        using var memory = new GpuFloats(gpu.Device, logits.Length);
        memory.CopyFrom(logits);
        return [.. sampler.Sample(memory.Memory.Address, rows).Select(token => (float)token.TokenId)];
    }

    private static float[] Gemm(Backend backend, WeightFormat format, int rows, int group, int bits, int outFeatures = 70)
    {
        const int In = 320;
        using var w = backend.LoadLinear(Linear(format, outFeatures, In, group));
        using var x = backend.Upload(Values(rows * In, 8));
        using var quantized = backend.AllocateRows(rows, In);
        using var y = backend.Upload(Values(rows * outFeatures, 9));
        backend.QuantizePerToken(x, quantized, rows, In, bits, 0.9f);
        backend.Gemm(quantized, w, y, accumulate: true);
        return Read(y);
    }

    // A sequence of 70 rows and one at position 600, whose earlier keys and values were appended before.
    private static float[] Attention(Backend backend, KvShape shape)
    {
        const int Rows = 71;
        const int Context = 600;
        const int KvHeads = 2;
        var layout = new KvLayout
        {
            PageCount = 12,
            Layers = 1,
            KvHeads = KvHeads,
            HeadDim = shape.HeadDim,
            KeyBits = shape.KeyBits,
            ValueBits = shape.ValueBits,
            Clip = 0.95f,
        };
        int[][] tables = [[11, 3], [0, 10, 1, 9, 2, 8, 4, 7, 5, 6]];
        using var cache = backend.AllocateKvCache(layout);
        using var earlier = backend.Upload(Values(Context * KvHeads * shape.HeadDim, 12));
        using var kv = backend.Upload(Values(Rows * KvHeads * shape.HeadDim, 10));
        using var q = backend.Upload(Values(Rows * KvHeads * shape.Group * shape.HeadDim, 11));
        using var o = backend.AllocateFloats(q.Length);
        backend.AppendPagedKvCache(earlier, earlier, cache, 0, Batch([.. Enumerable.Range(0, Context)], [.. Enumerable.Repeat(1, Context)]));
        var batch = Batch([.. Enumerable.Range(0, Rows - 1), Context], [.. new int[Rows - 1], 1]);
        backend.AppendPagedKvCache(kv, kv, cache, 0, batch);
        backend.Attention(q, cache, 0, batch, KvHeads * shape.Group, o);
        return Read(o);

        ForwardBatch Batch(int[] positions, int[] sequences) => new()
        {
            TokenIds = new int[positions.Length],
            Positions = positions,
            SequenceOfRow = sequences,
            BlockTables = tables,
            OutputRows = [],
        };
    }

    private sealed record KvShape(int KeyBits, int ValueBits, int HeadDim, int Group);
}
