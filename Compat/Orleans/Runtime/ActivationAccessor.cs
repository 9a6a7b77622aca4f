namespace Orleans.Runtime;

/// <summary>Holds the activation that a service scope belongs to.</summary>
internal sealed class ActivationAccessor : IGrainContextAccessor
{
    public Activation? Activation { get; set; }

    public IGrainContext GrainContext => Activation ?? throw new InvalidOperationException("These services belong to no grain.");
}
