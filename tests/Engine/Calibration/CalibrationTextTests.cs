using QuaRot.Engine.Calibration;
using Xunit;

namespace QuaRot.Engine.Tests.Calibration;

public sealed class CalibrationTextTests
{
    private static readonly int[] Tokens = [.. Enumerable.Range(0, 1000)];

    [Fact]
    public void SequencesSpreadOverTheWholeText()
    {
        var sequences = CalibrationText.Cut(Tokens, TinyModel.Config, new CalibrationOptions { Samples = 3, Length = 100 });
        Assert.Equal([0, 450, 900], sequences.Select(sequence => sequence[0]));
        Assert.Equal([99, 549, 999], sequences.Select(sequence => sequence[^1]));
    }

    [Fact]
    public void AShortTextGivesFewerSequencesAndTheContextLimitsThem()
    {
        // 7 of the model's 128 positions fit 1,000 tokens.
        var sequences = CalibrationText.Cut(Tokens, TinyModel.Config, new CalibrationOptions { Samples = 50, Length = 4096 });
        Assert.Equal(7, sequences.Count);
        Assert.All(sequences, sequence => Assert.Equal(128, sequence.Length));
    }

    [Fact]
    public void ATextThatIsTooShortIsRefused()
    {
        string Fault(int tokens, int samples = 8, int length = 50) => Assert.Throws<ArgumentException>(() => CalibrationText.Cut(
            Tokens[..tokens], TinyModel.Config, new CalibrationOptions { Samples = samples, Length = length })).Message;
        Assert.Equal(
            "the calibration text is too short: 127 tokens make 2 sequences of 50; a layer of 128 inputs needs at least as many tokens", Fault(127));
        Assert.Equal(
            "the calibration text is too short: 0 tokens make 0 sequences of 50; a layer of 128 inputs needs at least as many tokens", Fault(0));
        Assert.Equal("calibration takes at least 1 sequence of 2 tokens, not 0 of 50", Fault(1000, samples: 0));
        Assert.Equal("calibration takes at least 1 sequence of 2 tokens, not 8 of 1", Fault(1000, length: 1));
    }
}
