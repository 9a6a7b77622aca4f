namespace Grpc.Core;

/// <summary>Exists so that subclasses of <see cref="ServerCallContext"/> compile.</summary>
/// <param name="propagateDeadline">Whether a child call inherits the deadline.</param>
/// <param name="propagateCancellation">Whether a child call inherits the cancellation.</param>
public class ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
{
    /// <summary>Both are inherited.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>Whether a child call inherits the deadline.</summary>
    public bool IsPropagateDeadline => propagateDeadline;

    /// <summary>Whether a child call inherits the cancellation.</summary>
    public bool IsPropagateCancellation => propagateCancellation;
}
