using QuaRot.Engine.Pipeline;
using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Scheduling;

/// <summary>Rows of some bursts that go through the pipeline together.</summary>
/// <param name="generation">Generation of the KV that the rows build on.</param>
internal sealed class MicroBatch(long generation)
{
    private readonly List<Entry> _entries = [];

    /// <summary>Rows <see cref="Count"/> of a burst from position <see cref="Start"/>.</summary>
    public readonly record struct Entry(Burst Burst, int Start, int Count, bool IsDecode)
    {
        /// <summary>The last token of the burst is among the rows, so its logits give the next one.</summary>
        public bool HasOutput => Start + Count == Burst.Tokens.Count;
    }

    public IReadOnlyList<Entry> Entries => _entries;

    public long Generation => generation;

    public int Rows { get; private set; }

    /// <summary>Decode steps in a row; every entry is then a decoding one with pages for them.</summary>
    public int Steps { get; set; } = 1;

    public int Decodes { get; private set; }

    /// <summary>Adds the next rows of a burst; from here on it is in flight.</summary>
    public void Add(Burst burst, int rows, bool isDecode)
    {
        burst.InFlight = true;
        _entries.Add(new Entry(burst, burst.Sequence.Cached.Count, rows, isDecode));
        Rows += rows;
        Decodes += isDecode ? 1 : 0;
    }

    /// <summary>Runs the rows; lets no exception out.</summary>
    /// <returns>One token for each entry with an output, in order, step after step; or none, and why the pipeline failed.</returns>
    public async Task<(SampledToken[] Tokens, Exception? Failure)> ExecuteAsync(IStagePipeline pipeline)
    {
        try
        {
            StageBatch rows = Build();
            SampledToken[] tokens = await pipeline.ExecuteAsync(rows, CancellationToken.None).ConfigureAwait(false);
            return IsWhole(tokens.Length, rows.Sampling.Length)
                ? (tokens, null)
                : throw new InvalidOperationException(
                    $"The pipeline returned {tokens.Length} tokens for {rows.Sampling.Length} output rows and {Steps} steps.");
        }
        catch (Exception e)
        {
            // Whatever went wrong concerns the sequences of this batch alone; they hear of it when it ends, the others go on.
            return ([], e);
        }
    }

    private bool IsWhole(int tokens, int outputs) =>
        outputs == 0 ? tokens == 0 : tokens % outputs == 0 && tokens / outputs >= 1 && tokens / outputs <= Steps;

    /// <summary>Copies everything, for the stages read it while the scheduler goes on.</summary>
    public StageBatch Build()
    {
        int[] tokens = new int[Rows];
        int[] positions = new int[Rows];
        int[] sequences = new int[Rows];
        var outputs = new List<int>();
        var sampling = new List<SamplingRow>();
        int row = 0;
        for (int s = 0; s < _entries.Count; s++)
        {
            Entry entry = _entries[s];
            for (int i = 0; i < entry.Count; i++, row++)
            {
                tokens[row] = entry.Burst.Tokens[entry.Start + i];
                positions[row] = entry.Start + i;
                sequences[row] = s;
            }

            if (entry.HasOutput)
            {
                outputs.Add(row - 1);
                sampling.Add(entry.Burst.NextSampling());
            }
        }

        return new StageBatch
        {
            Generation = generation,
            Steps = Steps,
            Forward = new ForwardBatch
            {
                TokenIds = tokens,
                Positions = positions,
                SequenceOfRow = sequences,
                BlockTables = [.. _entries.Select(entry => entry.Burst.Sequence.Pages.ToArray())],
                OutputRows = [.. outputs],
            },
            Sampling = [.. sampling],
        };
    }
}
