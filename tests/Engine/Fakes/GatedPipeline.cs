using System.Threading.Channels;
using QuaRot.Engine.Pipeline;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Tests.Fakes;

/// <summary>Records every batch, and while closed holds them until a test lets one through.</summary>
internal sealed class GatedPipeline(LocalPipeline inner) : IStagePipeline, IAsyncDisposable
{
    private readonly Channel<StageBatch> _arrived = Channel.CreateUnbounded<StageBatch>();
    private readonly SemaphoreSlim _tickets = new(0);
    private volatile bool _open = true;

    public int BatchesAtOnce => inner.BatchesAtOnce;

    public int PageSize => inner.PageSize;

    public int PageCount => inner.PageCount;

    public int StepsAtOnce => inner.StepsAtOnce;

    /// <summary>From now on each batch waits for <see cref="LetThrough"/>.</summary>
    public void Close() => _open = false;

    /// <summary>Lets everything through, now and later.</summary>
    public void Open()
    {
        _open = true;
        _tickets.Release(1000);
    }

    public void LetThrough(int batches = 1) => _tickets.Release(batches);

    /// <summary>The next batch that reached the pipeline.</summary>
    public async Task<StageBatch> NextAsync() => await _arrived.Reader.ReadAsync();

    /// <summary>A batch that has reached the pipeline and was not asked for yet; null when there is none.</summary>
    public StageBatch? TryNext() => _arrived.Reader.TryRead(out StageBatch? batch) ? batch : null;

    public async ValueTask<SampledToken[]> ExecuteAsync(StageBatch batch, CancellationToken ct)
    {
        await _arrived.Writer.WriteAsync(batch, ct);
        if (!_open)
        {
            await _tickets.WaitAsync(ct);
        }

        return await inner.ExecuteAsync(batch, ct);
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
