using QuaRot.Engine.Pipeline;
using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Tests.Fakes;

/// <summary>
/// A layer range of <see cref="FakeModel"/> over real pages: every slot remembers its position, and reading a slot checks it.
/// </summary>
internal sealed class FakeStage(LayerRange layers, int pageSize, int pageCount) : IModelStage
{
    private readonly Slot[] _slots = Poisoned(layers.Count * pageCount * pageSize);
    private readonly HashSet<int> _threads = [];

    public LayerRange Layers { get; } = layers;

    public bool IsFirst => Layers.Start == 0;

    public bool IsLast => Layers.End == FakeModel.Layers;

    public int PageSize { get; } = pageSize;

    public int PageCount { get; } = pageCount;

    public string DeviceName { get; init; } = $"fake, layers {layers.Start} to {layers.End}";

    public int HiddenSize => 1;

    public long WeightBytes => 0;

    public long KvCacheBytes => 0;

    public string NumericsId => "fake";

    public int StepsAtOnce { get; init; } = 1;

    /// <summary>Called before each forward pass; may throw. With a <see cref="KvLostException"/> the stage loses its KV.</summary>
    public Action<ForwardBatch>? OnForward { get; init; }

    /// <summary>Rows whose logits turn into NaN before they are sampled.</summary>
    public Func<SamplingRow, bool>? Poison { get; init; }

    public bool IsDisposed { get; private set; }

    /// <summary>Threads that have called the stage.</summary>
    public int Threads => _threads.Count;

    public static FakeStage[] Chain(
        int stages,
        int pageSize,
        int pageCount,
        Action<int, ForwardBatch>? onForward = null,
        Func<SamplingRow, bool>? poison = null,
        int stepsAtOnce = 1)
    {
        return [.. Enumerable.Range(0, stages).Select(s => new FakeStage(
            new LayerRange(s * FakeModel.Layers / stages, (s + 1) * FakeModel.Layers / stages), pageSize, pageCount)
        {
            OnForward = batch => onForward?.Invoke(s, batch),
            Poison = poison,
            StepsAtOnce = stepsAtOnce,
        })];
    }

    public Activations Forward(ForwardBatch batch, Activations? input)
    {
        _threads.Add(Environment.CurrentManagedThreadId);
        Interfere(batch);
        CheckShape(batch);
        float[] hidden = IsFirst ? [.. batch.TokenIds.Select(FakeModel.Embed)] : ((HostRows)input!).Values.ToArray();
        for (int layer = Layers.Start; layer < Layers.End; layer++)
        {
            hidden = RunLayer(layer, batch, hidden);
        }

        return IsLast
            ? new HostRows([.. batch.OutputRows.SelectMany(row => FakeModel.Logits(hidden[row]))], batch.OutputRows.Length)
            : new HostRows(hidden, batch.Rows);
    }

    public Activations Import(ReadOnlySpan<float> values, int rows) => new HostRows(values.ToArray(), rows);

    public byte[] CopyKvBytes(int layer, int page, int slot) => [];

    public SampledToken[] Sample(Activations logits, IReadOnlyList<SamplingRow> rows)
    {
        float[] values = ((HostRows)logits).Values;
        return [.. rows.Select((row, i) => Sample(values.AsSpan(i * FakeModel.Vocab, FakeModel.Vocab), row))];
    }

    public void Dispose() => IsDisposed = true;

    private SampledToken Sample(Span<float> logits, SamplingRow row)
    {
        if (Poison is not null && Poison(row))
        {
            logits[0] = float.NaN;
        }

        return TokenSampler.Sample(logits, row);
    }

    private static Slot[] Poisoned(int count)
    {
        var slots = new Slot[count];
        Array.Fill(slots, new Slot(-1, float.NaN));
        return slots;
    }

    private static void Check(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException("Scheduler fault: " + what);
        }
    }

    private void Interfere(ForwardBatch batch)
    {
        try
        {
            OnForward?.Invoke(batch);
        }
        catch (KvLostException)
        {
            Poisoned(_slots.Length).CopyTo(_slots, 0);
            throw;
        }
    }

    private float[] RunLayer(int layer, ForwardBatch batch, float[] hidden)
    {
        for (int row = 0; row < batch.Rows; row++)
        {
            SlotOf(layer, batch, row, batch.Positions[row]) = new Slot(batch.Positions[row], hidden[row]);
        }

        float[] next = new float[batch.Rows];
        for (int row = 0; row < batch.Rows; row++)
        {
            uint state = FakeModel.Begin(layer);
            for (int p = 0; p <= batch.Positions[row]; p++)
            {
                Slot slot = SlotOf(layer, batch, row, p);
                Check(slot.Position == p, $"the slot of position {p} holds position {slot.Position} (layer {layer}, row {row})");
                state = FakeModel.Fold(state, slot.Value);
            }

            next[row] = FakeModel.Output(state);
        }

        return next;
    }

    private ref Slot SlotOf(int layer, ForwardBatch batch, int row, int position)
    {
        int page = batch.BlockTables[batch.SequenceOfRow[row]][position / PageSize];
        return ref _slots[((((layer - Layers.Start) * PageCount) + page) * PageSize) + (position % PageSize)];
    }

    private void CheckShape(ForwardBatch batch)
    {
        Check(batch.Rows > 0 && batch.Positions.Length == batch.Rows && batch.SequenceOfRow.Length == batch.Rows, "ragged arrays");
        int[] pages = [.. batch.BlockTables.SelectMany(table => table)];
        Check(pages.Distinct().Count() == pages.Length, "a page is in two block tables");
        Check(pages.All(page => page >= 0 && page < PageCount), "a page id is out of range");
        for (int row = 1; row < batch.Rows; row++)
        {
            bool sameSequence = batch.SequenceOfRow[row] == batch.SequenceOfRow[row - 1];
            Check(!sameSequence || batch.Positions[row] == batch.Positions[row - 1] + 1, "positions of a sequence do not ascend by one");
            Check(sameSequence || batch.SequenceOfRow[row] == batch.SequenceOfRow[row - 1] + 1, "rows of a sequence are not contiguous");
        }
    }

    private readonly record struct Slot(int Position, float Value);
}
