namespace Orleans.Runtime;

/// <summary>Who this silo is.</summary>
public interface ILocalSiloDetails
{
    string Name { get; }

    string ClusterId { get; }

    SiloAddress SiloAddress { get; }
}

/// <summary>Where a silo is in its life.</summary>
internal enum SiloStatus
{
    Created,
    Active,
    ShuttingDown,
    Dead,
}
