using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Cpu;
using QuaRot.Kernels.Forward;
using QuaRot.Kernels.Gpu;
using QuaRot.Kernels.Gpu.Fused;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Property 1 of the design: what a position computes depends on its own history alone, bit for bit.</summary>
public abstract class BatchInvarianceTests : IDisposable
{
    private protected const int Length = 150;
    private const int Pages = 16;

    private static readonly int[] Ids = Lexi.Text[..Length];
    private static readonly Lazy<ICheckpoint> Quantized = new(() => new CachedCheckpoint(Lexi.Quantized(new QuantizationConfig())));
    private protected static readonly Lazy<Trace> Expected = new(DecodeOneByOne);

    private readonly Backend _backend;
    private readonly bool _fused;
    private readonly IModelStage _stage;

    /// <summary>What runs must leave what the CPU leaves when it decodes one by one.</summary>
    protected BatchInvarianceTests(Backend backend, bool fused = false) =>
        (_backend, _fused, _stage) = (backend, fused, Load(backend, new LayerRange(0, 6), fused));

    [Fact]
    public void Prefill_at_once() => Prefill([_stage], [Length]).RequireEqual(Expected.Value, "one chunk");

    [Theory]
    [InlineData(63, 1, 86)]
    [InlineData(64, 63, 23)]
    [InlineData(65, 64, 21)]
    [InlineData(1, 127, 22)]
    [InlineData(128, 1, 21)]
    public void Prefill_in_chunks_around_page_boundaries(params int[] chunks) =>
        Prefill([_stage], chunks).RequireEqual(Expected.Value, string.Join(", ", chunks));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Prefill_in_random_chunks(int seed)
    {
        var chunks = RandomChunks(seed);
        Prefill([_stage], chunks).RequireEqual(Expected.Value, $"seed {seed}: {string.Join(", ", chunks)}");
    }

    [Fact]
    public void Six_stages_give_what_one_gives()
    {
        IModelStage[] stages = [.. Enumerable.Range(0, 6).Select(layer => Load(_backend, new LayerRange(layer, layer + 1), _fused))];
        Assert.Equal(_stage.KvCacheBytes, stages.Sum(stage => stage.KvCacheBytes));
        Assert.True(stages[1].WeightBytes < stages[0].WeightBytes && stages[4].WeightBytes < stages[5].WeightBytes);
        Prefill(stages, [70, 1, 79]).RequireEqual(Expected.Value, "six stages");
        Array.ForEach(stages, stage => stage.Dispose());
    }

    [Fact]
    public void Two_stages_give_what_one_gives()
    {
        using var first = Load(_backend, new LayerRange(0, 3), _fused);
        using var last = Load(_backend, new LayerRange(3, 6), _fused);
        Prefill([first, last], [90, 1, 59]).RequireEqual(Expected.Value, "two stages");
    }

    /// <summary>Three copies of the text at different speeds, on pages that are mixed up, beside each other in every batch.</summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Company_in_the_batch_does_not_show(int seed)
    {
        var random = new Random(seed);
        int[] pages = [.. Enumerable.Range(0, Pages)];
        random.Shuffle(pages);
        int[][] tables = [pages[..3], pages[3..6], pages[6..9]];
        var (done, logits) = (new int[3], new[] { new float[Length][], new float[Length][], new float[Length][] });
        while (done.Any(count => count < Length))
        {
            int[] take = [.. done.Select(count => Math.Min(Length - count, random.Next(3) == 0 ? 1 : random.Next(0, 50)))];
            if (take.Sum() == 0)
            {
                continue;
            }

            var rows = Sequences.Forward([_stage], Mixed(done, take, tables));
            for (int sequence = 0, row = 0; sequence < 3; sequence++)
            {
                for (var i = 0; i < take[sequence]; i++)
                {
                    logits[sequence][done[sequence]++] = rows[row++];
                }
            }
        }

        for (var sequence = 0; sequence < 3; sequence++)
        {
            var trace = new Trace(logits[sequence], Trace.ReadKv([_stage], tables[sequence], Length));
            trace.RequireEqual(Expected.Value, $"seed {seed}, sequence {sequence}");
        }
    }

    public virtual void Dispose()
    {
        _stage.Dispose();
        GC.SuppressFinalize(this);
    }

    private static ForwardBatch Mixed(int[] done, int[] take, int[][] tables)
    {
        var rows = Enumerable.Range(0, 3).SelectMany(s =>
            Enumerable.Range(done[s], take[s]).Select(position => (Sequence: s, Position: position))).ToArray();
        return new ForwardBatch
        {
            TokenIds = [.. rows.Select(row => Ids[row.Position])],
            Positions = [.. rows.Select(row => row.Position)],
            SequenceOfRow = [.. rows.Select(row => row.Sequence)],
            BlockTables = tables,
            OutputRows = [.. Enumerable.Range(0, rows.Length)],
        };
    }

    private static Trace DecodeOneByOne()
    {
        using var backend = CpuBackend.Create(threads: 2);
        using var stage = Load(backend, new LayerRange(0, 6));
        return Prefill([stage], [.. Enumerable.Repeat(1, Length)]);
    }

    private protected static Trace Prefill(IReadOnlyList<IModelStage> stages, int[] chunks)
    {
        int[] table = [7, 2, 11];
        var logits = new List<float[]>();
        foreach (var chunk in chunks)
        {
            logits.AddRange(Sequences.Forward(stages, Sequences.Single(Ids.AsSpan(logits.Count, chunk), logits.Count, table)));
        }

        Assert.Equal(Length, logits.Count);
        return new Trace([.. logits], Trace.ReadKv(stages, table, Length));
    }

    private static int[] RandomChunks(int seed)
    {
        var random = new Random(seed);
        var chunks = new List<int>();
        while (chunks.Sum() < Length)
        {
            chunks.Add(Math.Min(random.Next(1, 60), Length - chunks.Sum()));
        }

        return [.. chunks];
    }

    private protected static IModelStage Load(Backend backend, LayerRange range, bool fused = false)
    {
        if (fused)
        {
            var fusedStage = FusedStage.Load(Quantized.Value, range, (GpuBackend)backend, Pages);
            fusedStage.Cache.Fill(0xFF);
            return fusedStage;
        }

        var stage = ModelStage.Load(Quantized.Value, range, backend, Pages);
        stage.Cache.Fill(0xFF);
        return stage;
    }
}
