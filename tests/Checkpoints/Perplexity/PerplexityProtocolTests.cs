using QuaRot.Checkpoints.Perplexity;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Perplexity;

public class PerplexityProtocolTests
{
    [Theory]
    [InlineData(1024, 1)]
    [InlineData(2047, 1)]
    [InlineData(2048, 2)]
    [InlineData(39 * 1024, 39)]
    [InlineData(50 * 1024, 39)]
    public void CutsWholeWindowsUpToTheLimit(int length, int windows)
    {
        int[] tokens = [.. Enumerable.Range(0, length)];
        IReadOnlyList<int[]> cut = new PerplexityProtocol().Cut(tokens);
        Assert.Equal(windows, cut.Count);
        Assert.Equal(tokens[..(windows * 1024)], cut.SelectMany(window => window));
    }

    [Fact]
    public void TheDefaultsGiveTheAgreedNumberOfPredictions() =>
        Assert.Equal(39897, new PerplexityProtocol().Run(new int[45000], window => new float[window.Length - 1]).Predictions);

    [Fact]
    public async Task MeansAndPerplexityAreOfTheValuesGiven()
    {
        var protocol = new PerplexityProtocol { WindowTokens = 3, MaxWindows = 2 };
        int[] tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        float[] Nlls(int[] window) => [.. window.Skip(1).Select(t => t * 0.5f)];
        PerplexityResult result = protocol.Run(tokens, Nlls);
        Assert.Equal([1.25, 2.75], result.WindowNlls);
        Assert.Equal(2.0, result.MeanNll, 1e-12);
        Assert.Equal(Math.Exp(2), result.Perplexity, 1e-12);
        Assert.Equal(4, result.Predictions);

        PerplexityResult same = await protocol.RunAsync(
            tokens, (window, _) => Task.FromResult(Nlls(window)), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(result.WindowNlls, same.WindowNlls);
    }

    [Fact]
    public void BadInputsAreNamed()
    {
        var protocol = new PerplexityProtocol { WindowTokens = 4 };
        Assert.Equal("the text has 3 tokens, less than one window of 4",
            Assert.Throws<ArgumentException>(() => protocol.Cut([1, 2, 3])).Message);
        Assert.Equal("a window needs 2 tokens and there must be a window, not 4 and 0",
            Assert.Throws<ArgumentException>(() => (protocol with { MaxWindows = 0 }).Cut([1, 2, 3, 4])).Message);
        Assert.Equal("window 0: 4 predictions instead of 3",
            Assert.Throws<InvalidDataException>(() => protocol.Run([1, 2, 3, 4], window => new float[4])).Message);
        Assert.Equal("window 1: prediction 2 has the negative log-likelihood NaN", Assert.Throws<InvalidDataException>(
            () => protocol.Run([1, 2, 3, 4, 5, 6, 7, 8], window => [1, 1, window[0] == 5 ? float.NaN : 1])).Message);
    }

    [Fact]
    public async Task CancellationStopsBetweenWindows()
    {
        using var source = new CancellationTokenSource();
        int calls = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new PerplexityProtocol { WindowTokens = 2 }.RunAsync(
            new int[10],
            (_, _) =>
            {
                calls++;
                source.Cancel();
                return Task.FromResult(new float[1]);
            },
            cancellation: source.Token));
        Assert.Equal(1, calls);
    }
}
