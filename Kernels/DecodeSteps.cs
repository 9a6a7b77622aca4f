using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels;

/// <summary>Decoding of several steps on any stages that are a whole model: forward pass, sampling, and again.</summary>
public static class DecodeSteps
{
    /// <summary>As <see cref="IModelStage.Decode"/> says.</summary>
    /// <param name="stages">In layer order, at least one.</param>
    /// <param name="batch">One row of each sequence.</param>
    /// <param name="rows">How to sample the first step's tokens.</param>
    /// <param name="steps">At least 1.</param>
    public static SampledToken[][] OneByOne(IReadOnlyList<IModelStage> stages, ForwardBatch batch, IReadOnlyList<SamplingRow> rows, int steps)
    {
        var tokens = new List<SampledToken[]>();
        do
        {
            var ahead = tokens.Count;
            using var logits = Forward(stages, ahead == 0 ? batch : Next(batch, tokens[^1], ahead));
            tokens.Add(stages[^1].Sample(logits, ahead == 0 ? rows : Next(rows, ahead)));
        }
        while (tokens.Count < steps && Array.TrueForAll(tokens[^1], token => token.IsSampled));
        return [.. tokens];
    }

    private static Activations Forward(IReadOnlyList<IModelStage> stages, ForwardBatch batch)
    {
        var x = stages[0].Forward(batch, null);
        foreach (var stage in stages.Skip(1))
        {
            using var input = x;
            x = stage.Forward(batch, input);
        }

        return x;
    }

    /// <summary>The batch so many steps later, of which <paramref name="tokens"/> are the tokens.</summary>
    private static ForwardBatch Next(ForwardBatch batch, SampledToken[] tokens, int ahead) => batch with
    {
        TokenIds = Array.ConvertAll(tokens, token => token.TokenId),
        Positions = Array.ConvertAll(batch.Positions, position => position + ahead),
    };

    private static SamplingRow[] Next(IReadOnlyList<SamplingRow> rows, int ahead) => [.. rows.Select(row => row with { Position = row.Position + ahead })];
}
