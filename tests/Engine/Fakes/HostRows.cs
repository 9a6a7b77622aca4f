using QuaRot.Kernels;

namespace QuaRot.Engine.Tests.Fakes;

/// <summary>Activations of the fake stage; counts those that nobody has disposed.</summary>
internal sealed class HostRows : Activations
{
    private static int s_alive;
    private int _disposed;

    public HostRows(float[] values, int rows)
        : base(rows, rows == 0 ? 0 : values.Length / rows)
    {
        Values = values;
        Interlocked.Increment(ref s_alive);
    }

    public static int Alive => Volatile.Read(ref s_alive);

    public float[] Values { get; }

    public override void CopyTo(Span<float> destination) => Values.CopyTo(destination);

    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Interlocked.Decrement(ref s_alive);
        }

        base.Dispose();
    }
}
