using QuaRot.Checkpoints.Perplexity;

namespace QuaRot.Engine.Evaluation;

/// <summary>Perplexity of a model, and its agreement with a reference, in one pass over a text.</summary>
/// <param name="model">The model.</param>
/// <param name="reference">What it is compared with, or null.</param>
/// <param name="comparedWindows">Windows to compare, the first ones of the text.</param>
public sealed class QualityMeter(ILogitSource model, ILogitSource? reference = null, int comparedWindows = int.MaxValue)
{
    private double _divergence, _referenceNll;
    private int _same, _compared;

    /// <summary>Measures.</summary>
    /// <param name="protocol">Windows.</param>
    /// <param name="tokens">Token ids, begin-of-text first where the model has one.</param>
    /// <param name="afterWindow">Told the number of windows done.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="ArgumentException">The text is too short, or the reference has another vocabulary.</exception>
    /// <exception cref="InvalidDataException">A logit is not finite.</exception>
    public QualityResult Run(PerplexityProtocol protocol, ReadOnlySpan<int> tokens, Action<int>? afterWindow = null, CancellationToken cancellation = default)
    {
        (_divergence, _referenceNll, _same, _compared) = (0, 0, 0, 0);
        var done = 0;
        var perplexity = protocol.Run(tokens, window =>
        {
            var nlls = Window(done++, window, cancellation);
            afterWindow?.Invoke(done);
            return nlls;
        });
        return new QualityResult(perplexity, _compared == 0 ? null
            : new Agreement(_compared, (double)_same / _compared, _divergence / _compared, Math.Exp(_referenceNll / _compared)));
    }

    private float[] Window(int index, int[] window, CancellationToken cancellation)
    {
        var nlls = new float[window.Length - 1];
        using var others = reference is not null && index < comparedWindows ? reference.Walk(index, window).GetEnumerator() : null;
        foreach (var chunk in model.Walk(index, window))
        {
            cancellation.ThrowIfCancellationRequested();
            WindowScorer.Score(chunk, window, nlls);
            if (others?.MoveNext() == true)
                Compare(others.Current, chunk, window);
        }

        return nlls;
    }

    private void Compare(LogitChunk expected, LogitChunk actual, int[] window)
    {
        if ((expected.Start, expected.Rows, expected.Vocab) != (actual.Start, actual.Rows, actual.Vocab))
            throw new ArgumentException($"the reference has logits [{expected.Rows}, {expected.Vocab}] at {expected.Start}, the model [{actual.Rows}, {actual.Vocab}] at {actual.Start}");

        // Each row by itself and then added in order, so that the sums do not depend on the number of threads.
        var rows = new (double Divergence, double Nll, bool Same)[actual.Rows];
        Parallel.For(0, rows.Length, row =>
        {
            ReadOnlySpan<float> p = expected.Row(row), q = actual.Row(row);
            rows[row] = (NextToken.Divergence(p, q), NextToken.NegativeLogLikelihood(p, window[actual.Start + row + 1]), NextToken.Top(p) == NextToken.Top(q));
        });
        foreach (var (divergence, nll, same) in rows)
        {
            _divergence += divergence;
            _referenceNll += nll;
            _same += same ? 1 : 0;
        }

        _compared += rows.Length;
    }
}
