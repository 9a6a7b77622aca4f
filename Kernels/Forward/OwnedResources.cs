namespace QuaRot.Kernels.Forward;

/// <summary>What a stage allocated on its backend, so that a load that fails half-way gives everything back too.</summary>
internal sealed class OwnedResources : IDisposable
{
    private readonly List<IDisposable> _resources = [];

    /// <summary>Takes over a resource and returns it.</summary>
    public T Own<T>(T resource)
        where T : IDisposable
    {
        _resources.Add(resource);
        return resource;
    }

    /// <summary>Disposes the resources, the latest first.</summary>
    public void Dispose()
    {
        for (var i = _resources.Count - 1; i >= 0; i--)
        {
            _resources[i].Dispose();
        }

        _resources.Clear();
    }
}
