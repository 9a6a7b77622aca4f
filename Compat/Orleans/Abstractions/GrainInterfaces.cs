using Orleans.Runtime;

namespace Orleans;

/// <summary>Marker of every grain interface.</summary>
public interface IGrain : IAddressable;

/// <summary>A grain keyed by a string.</summary>
public interface IGrainWithStringKey : IGrain;
