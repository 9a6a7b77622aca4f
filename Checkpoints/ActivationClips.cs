namespace QuaRot.Checkpoints;

/// <summary>An activation clip for each layer and <see cref="ActivationSite"/>. Two are equal when all their ratios are.</summary>
public sealed class ActivationClips : IEquatable<ActivationClips>
{
    /// <summary>Sites of a layer.</summary>
    public const int Sites = 4;

    private readonly float[][] _ratios;

    /// <summary>Takes the ratios, [layers][<see cref="Sites"/>].</summary>
    /// <exception cref="ArgumentException">A layer has another number of them, or one is not in (0, 1].</exception>
    public ActivationClips(IEnumerable<IReadOnlyList<float>> ratios)
    {
        _ratios = [.. ratios.Select(layer => layer.ToArray())];
        for (int layer = 0; layer < _ratios.Length; layer++)
        {
            if (_ratios[layer].Length != Sites || !_ratios[layer].All(ratio => ratio > 0 && ratio <= 1))
            {
                throw new ArgumentException(
                    $"activation clips of layer {layer} are [{string.Join(", ", _ratios[layer])}]; expected {Sites} above 0 and at most 1");
            }
        }
    }

    /// <summary>Layers.</summary>
    public int Layers => _ratios.Length;

    /// <summary>The ratio of a site.</summary>
    public float Of(int layer, ActivationSite site) => _ratios[layer][(int)site];

    /// <summary>The ratios of a layer in the order of <see cref="ActivationSite"/>.</summary>
    public IReadOnlyList<float> OfLayer(int layer) => _ratios[layer];

    /// <inheritdoc/>
    public bool Equals(ActivationClips? other) =>
        other is not null && Layers == other.Layers && _ratios.Zip(other._ratios).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ActivationClips);

    /// <inheritdoc/>
    public override int GetHashCode() => _ratios.Aggregate(Layers, (hash, layer) => HashCode.Combine(hash, layer[0], layer[^1]));

    /// <inheritdoc/>
    public override string ToString() => string.Join("; ", _ratios.Select(layer => string.Join(", ", layer)));
}
