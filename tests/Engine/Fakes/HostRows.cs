using QuaRot.Kernels;

namespace QuaRot.Engine.Tests.Fakes;

/// <summary>Activations of the fake stage; reading them after they were disposed is an error, as it is on a device.</summary>
internal sealed class HostRows(float[] values, int rows) : Activations(rows, rows == 0 ? 0 : values.Length / rows)
{
    private bool _disposed;

    public float[] Values
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return values;
        }
    }

    public override void CopyTo(Span<float> destination) => Values.CopyTo(destination);

    public override void Dispose()
    {
        _disposed = true;
        base.Dispose();
    }
}
