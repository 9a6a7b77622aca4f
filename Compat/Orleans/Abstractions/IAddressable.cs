namespace Orleans.Runtime;

/// <summary>Anything that a call can be addressed to.</summary>
public interface IAddressable;
