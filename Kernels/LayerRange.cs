namespace QuaRot.Kernels;

/// <summary>Layers <see cref="Start"/> (inclusive) to <see cref="End"/> (exclusive) of a model.</summary>
public readonly record struct LayerRange(int Start, int End)
{
    /// <summary>Number of layers.</summary>
    public int Count => End - Start;
}
