using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels;

/// <summary>Decoding of several steps on any stage that is a whole model: forward pass, sampling, and again.</summary>
public static class DecodeSteps
{
    /// <summary>As <see cref="IModelStage.Decode"/> says.</summary>
    public static SampledToken[][] OneByOne(IModelStage stage, ForwardBatch batch, IReadOnlyList<SamplingRow> rows, int steps)
    {
        var tokens = new List<SampledToken[]>();
        do
        {
            var ahead = tokens.Count;
            using var logits = stage.Forward(ahead == 0 ? batch : Next(batch, tokens[^1], ahead), null);
            tokens.Add(stage.Sample(logits, ahead == 0 ? rows : Next(rows, ahead)));
        }
        while (tokens.Count < steps && Array.TrueForAll(tokens[^1], token => token.IsSampled));
        return [.. tokens];
    }

    /// <summary>The batch so many steps later, of which <paramref name="tokens"/> are the tokens.</summary>
    private static ForwardBatch Next(ForwardBatch batch, SampledToken[] tokens, int ahead) => batch with
    {
        TokenIds = Array.ConvertAll(tokens, token => token.TokenId),
        Positions = Array.ConvertAll(batch.Positions, position => position + ahead),
    };

    private static SamplingRow[] Next(IReadOnlyList<SamplingRow> rows, int ahead) => [.. rows.Select(row => row with { Position = row.Position + ahead })];
}
