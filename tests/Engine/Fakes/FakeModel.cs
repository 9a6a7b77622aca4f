namespace QuaRot.Engine.Tests.Fakes;

/// <summary>
/// The arithmetic of the fake model: a causal network of hashes, in which every token sees all tokens before it in every layer.
/// </summary>
/// <remarks>Values are integers below 2^24, which a float holds exactly.</remarks>
internal static class FakeModel
{
    public const int Layers = 6;
    public const int Vocab = 64;

    public static float Embed(int token) => Mix(0x51ed270b, (uint)token) >> 8;

    /// <summary>Starts the state that attention of a layer folds positions 0 to p into.</summary>
    public static uint Begin(int layer) => Mix(0x9e3779b9, (uint)layer);

    public static uint Fold(uint state, float value) => Mix(state, (uint)value);

    public static float Output(uint state) => state >> 8;

    /// <summary>[vocab] logits between -4 and 4.</summary>
    public static float[] Logits(float hidden)
    {
        return [.. Enumerable.Range(0, Vocab).Select(id => ((Mix((uint)hidden, (uint)id) >> 8) / 16777216f * 8f) - 4f)];
    }

    /// <summary>The logits after <paramref name="tokens"/>, without pages, batches or stages.</summary>
    public static float[] LogitsAfter(IReadOnlyList<int> tokens)
    {
        float[] row = [.. tokens.Select(Embed)];
        for (int layer = 0; layer < Layers; layer++)
        {
            uint state = Begin(layer);
            for (int p = 0; p < row.Length; p++)
            {
                state = Fold(state, row[p]);
                row[p] = Output(state);
            }
        }

        return Logits(row[^1]);
    }

    private static uint Mix(uint a, uint b)
    {
        uint h = (a ^ (b * 0x85ebca6b)) * 0xc2b2ae35;
        h ^= h >> 15;
        h *= 0x27d4eb2f;
        return h ^ (h >> 13);
    }
}
