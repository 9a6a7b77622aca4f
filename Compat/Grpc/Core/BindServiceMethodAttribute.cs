namespace Grpc.Core;

/// <summary>On generated base classes: names the static method that gives their methods to a <see cref="ServiceBinderBase"/>.</summary>
/// <param name="bindType">The class that has the method.</param>
/// <param name="bindMethodName">The name of the method.</param>
[AttributeUsage(AttributeTargets.Class)]
public class BindServiceMethodAttribute(Type bindType, string bindMethodName) : Attribute
{
    /// <summary>The class that has the method.</summary>
    public Type BindType => bindType;

    /// <summary>The name of the method.</summary>
    public string BindMethodName => bindMethodName;
}
