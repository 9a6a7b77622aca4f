namespace QuaRot.Checkpoints.Perplexity;

/// <summary>How perplexity is measured: non-overlapping windows of one length, each read by itself from position 0.</summary>
/// <remarks>
/// Window i holds tokens i·n to (i + 1)·n - 1 of "bos + text"; all but its first token are predicted. What does not fill a window at the
/// end is left
/// out. With the defaults 39·1023 = 39,897 predictions. Windows that overlap (a stride below the length) give lower numbers: not
/// comparable.
/// </remarks>
public sealed record PerplexityProtocol
{
    /// <summary>Tokens of a window, at least 2.</summary>
    public int WindowTokens { get; init; } = 1024;

    /// <summary>Windows to use at most; fewer where the text is shorter.</summary>
    public int MaxWindows { get; init; } = 39;

    /// <summary>Cuts token ids (bos first, where the model has one) into windows.</summary>
    /// <exception cref="ArgumentException">The options are out of range, or the text does not fill one window.</exception>
    public IReadOnlyList<int[]> Cut(ReadOnlySpan<int> tokens)
    {
        if (WindowTokens < 2 || MaxWindows < 1)
        {
            throw new ArgumentException($"a window needs 2 tokens and there must be a window, not {WindowTokens} and {MaxWindows}");
        }

        if (tokens.Length < WindowTokens)
        {
            throw new ArgumentException($"the text has {tokens.Length} tokens, less than one window of {WindowTokens}");
        }

        var windows = new int[Math.Min(MaxWindows, tokens.Length / WindowTokens)][];
        for (int i = 0; i < windows.Length; i++)
        {
            windows[i] = tokens.Slice(i * WindowTokens, WindowTokens).ToArray();
        }

        return windows;
    }

    /// <summary>Measures with a model that answers at once.</summary>
    /// <param name="tokens">Token ids, bos first where the model has one.</param>
    /// <param name="nlls">For a window of n tokens, -ln p of tokens 1 to n - 1, each given those before it.</param>
    /// <param name="progress">Told each window's mean negative log-likelihood.</param>
    /// <exception cref="ArgumentException">As for <see cref="Cut"/>.</exception>
    /// <exception cref="InvalidDataException">The model gave another number of values, or one that is not finite.</exception>
    public PerplexityResult Run(ReadOnlySpan<int> tokens, Func<int[], float[]> nlls, IProgress<double>? progress = null)
    {
        var means = new List<double>();
        foreach (int[] window in Cut(tokens))
        {
            means.Add(WindowMean(nlls(window), means.Count));
            progress?.Report(means[^1]);
        }

        return new PerplexityResult(means, means.Count * (WindowTokens - 1));
    }

    /// <summary>Measures with a model that answers asynchronously, one window after the other.</summary>
    /// <inheritdoc cref="Run"/>
    /// <param name="tokens">Token ids, bos first where the model has one.</param>
    /// <param name="nlls">For a window of n tokens, -ln p of tokens 1 to n - 1, each given those before it.</param>
    /// <param name="progress">Told each window's mean negative log-likelihood.</param>
    /// <param name="cancellation">Stops between windows; also given to <paramref name="nlls"/>.</param>
    public async Task<PerplexityResult> RunAsync(
        ReadOnlyMemory<int> tokens,
        Func<int[], CancellationToken, Task<float[]>> nlls,
        IProgress<double>? progress = null,
        CancellationToken cancellation = default)
    {
        var means = new List<double>();
        foreach (int[] window in Cut(tokens.Span))
        {
            cancellation.ThrowIfCancellationRequested();
            means.Add(WindowMean(await nlls(window, cancellation).ConfigureAwait(false), means.Count));
            progress?.Report(means[^1]);
        }

        return new PerplexityResult(means, means.Count * (WindowTokens - 1));
    }

    private double WindowMean(float[] nlls, int window)
    {
        if (nlls.Length != WindowTokens - 1)
        {
            throw new InvalidDataException($"window {window}: {nlls.Length} predictions instead of {WindowTokens - 1}");
        }

        int bad = Array.FindIndex(nlls, value => !float.IsFinite(value));
        return bad < 0
            ? nlls.Average(value => (double)value)
            : throw new InvalidDataException($"window {window}: prediction {bad} has the negative log-likelihood {nlls[bad]}");
    }
}
