namespace QuaRot.Contracts.Shards;

/// <summary>What the lead's scheduler has done and is doing.</summary>
[GenerateSerializer, Immutable, Alias("quarot.SchedulerReport")]
public sealed record SchedulerReport(
    [property: Id(0)] int Running,
    [property: Id(1)] int Waiting,
    [property: Id(2)] int Resident,
    [property: Id(3)] int PagesUsed,
    [property: Id(4)] int PagesTotal,
    [property: Id(5)] long TokensPrefilled,
    [property: Id(6)] long TokensDecoded,
    [property: Id(7)] long Batches,
    [property: Id(8)] double MeanRows);
