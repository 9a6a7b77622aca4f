namespace QuaRot.Engine.Inspection;

/// <summary>Gathers the figures of one site of one layer, and the magnitudes of its first tokens for a plot.</summary>
/// <param name="width">Elements of a token.</param>
/// <param name="vector">Elements that are quantized together: the width, or a head.</param>
/// <param name="mappedTokens">Tokens of the map.</param>
internal sealed class SiteProfile(int width, int vector, int mappedTokens)
{
    /// <summary>Channels of the map; wider tokens are cut into so many runs, each standing for its largest element.</summary>
    public const int MappedChannels = 128;

    private readonly List<float[]> _map = [];
    private double _sum, _largest, _largestValue;
    private long _count;

    /// <summary>Magnitudes [tokens][channels] of the first tokens.</summary>
    public IReadOnlyList<float[]> Map => _map;

    /// <summary>The figures so far.</summary>
    public SiteFigures Figures => new(_count == 0 ? 0 : _sum / _count, _largest, _largestValue);

    /// <summary>Adds tokens, [rows, width].</summary>
    /// <exception cref="InvalidDataException">A value is not finite.</exception>
    public void Add(ReadOnlySpan<float> values, InspectedSite site, int layer)
    {
        for (var start = 0; start < values.Length; start += width)
        {
            var token = values.Slice(start, width);
            for (var at = 0; at < width; at += vector)
                AddVector(token.Slice(at, vector), site, layer);
            if (_map.Count < mappedTokens)
                _map.Add(Magnitudes(token));
        }
    }

    private void AddVector(ReadOnlySpan<float> x, InspectedSite site, int layer)
    {
        var (max, squares) = (0f, 0.0);
        foreach (var value in x)
        {
            if (!float.IsFinite(value))
                throw new InvalidDataException($"layer {layer}, {site}: an activation is {value}");
            max = MathF.Max(max, MathF.Abs(value));
            squares += (double)value * value;
        }

        _largestValue = Math.Max(_largestValue, max);
        if (squares == 0)
            return;
        var ratio = max / Math.Sqrt(squares / x.Length);
        _sum += ratio;
        _largest = Math.Max(_largest, ratio);
        _count++;
    }

    private float[] Magnitudes(ReadOnlySpan<float> token)
    {
        var channels = Math.Min(MappedChannels, width);
        var map = new float[channels];
        for (var i = 0; i < width; i++)
        {
            var channel = (int)((long)i * channels / width);
            map[channel] = MathF.Max(map[channel], MathF.Abs(token[i]));
        }

        return map;
    }
}
