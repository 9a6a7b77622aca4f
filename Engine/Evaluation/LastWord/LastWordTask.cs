using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Engine.Evaluation.LastWord;

/// <summary>Predicts the last word of passages.</summary>
/// <remarks>
/// A word counts as found when each of its tokens is the most likely one given the passage and the word's tokens before it: what greedy
/// decoding would write. The word's tokens are those that the passage with the word has beyond the passage without it.
/// </remarks>
public sealed class LastWordTask
{
    private readonly List<(int[] Tokens, int First, bool Occurs)> _items = [];
    private readonly int _skipped;

    /// <summary>Tokenizes the passages.</summary>
    /// <param name="passages">From <see cref="PassageCutter"/>.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="maxPositions">The model's context; longer passages are skipped.</param>
    /// <exception cref="ArgumentException">No passage is left.</exception>
    public LastWordTask(IReadOnlyList<Passage> passages, Tokenizer tokenizer, int maxPositions)
        : this(passages, text => tokenizer.Encode(text, addBos: tokenizer.BosTokenId is not null, parseSpecial: false), maxPositions)
    {
    }

    /// <inheritdoc cref="LastWordTask(IReadOnlyList{Passage}, Tokenizer, int)"/>
    /// <param name="passages">The passages.</param>
    /// <param name="encode">A text as token ids, begin-of-text first where the model has one.</param>
    /// <param name="maxPositions">The model's context; longer passages are skipped.</param>
    public LastWordTask(IReadOnlyList<Passage> passages, Func<string, int[]> encode, int maxPositions)
    {
        foreach (var passage in passages)
        {
            var context = encode(passage.Context);
            var whole = encode($"{passage.Context} {passage.Word}");
            if (whole.Length > maxPositions || context.Length == 0 || whole.Length <= context.Length || !whole.AsSpan().StartsWith(context))
                _skipped++;
            else
                _items.Add((whole, context.Length, passage.Occurs));
        }

        if (_items.Count == 0)
            throw new ArgumentException($"the text has no passage for the last-word task ({passages.Count} found, {_skipped} skipped)");
    }

    /// <summary>Passages to be asked.</summary>
    public int Count => _items.Count;

    /// <summary>Tokens of the longest passage.</summary>
    public int LongestPassage => _items.Max(item => item.Tokens.Length);

    /// <summary>Asks the model.</summary>
    /// <param name="model">Its KV cache holds <see cref="LongestPassage"/>.</param>
    /// <param name="afterPassage">Told the number of passages done.</param>
    /// <param name="cancellation">Stops between passages.</param>
    public LastWordResult Run(StageLogits model, Action<int>? afterPassage = null, CancellationToken cancellation = default)
    {
        var (correct, occurring, occurringCorrect, nll, done) = (0, 0, 0, 0.0, 0);
        foreach (var (tokens, first, occurs) in _items)
        {
            cancellation.ThrowIfCancellationRequested();
            var (found, loss) = Ask(model, tokens, first);
            nll += loss;
            correct += found ? 1 : 0;
            occurring += occurs ? 1 : 0;
            occurringCorrect += occurs && found ? 1 : 0;
            done++;
            afterPassage?.Invoke(done);
        }

        return new LastWordResult(done, correct, occurring, occurringCorrect, nll / done, _skipped);
    }

    private static (bool Found, double Loss) Ask(StageLogits model, int[] tokens, int first)
    {
        var (found, loss) = (true, 0.0);
        foreach (var chunk in model.From(first - 1, tokens))
        {
            for (var row = 0; row < chunk.Rows; row++)
            {
                var token = tokens[chunk.Start + row + 1];
                found &= NextToken.Top(chunk.Row(row)) == token;
                loss += NextToken.NegativeLogLikelihood(chunk.Row(row), token);
            }
        }

        return (found, loss);
    }
}
