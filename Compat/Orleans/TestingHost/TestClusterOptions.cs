namespace Orleans.TestingHost;

/// <summary>What a test cluster consists of.</summary>
public class TestClusterOptions
{
    public string ClusterId { get; set; } = null!;

    public string ServiceId { get; set; } = null!;

    public int BaseSiloPort { get; set; } = 20000;

    public int BaseGatewayPort { get; set; } = 30000;

    public bool InitializeClientOnDeploy { get; set; } = true;

    public short InitialSilosCount { get; set; }

    /// <summary>Assembly-qualified names.</summary>
    public List<string?> SiloBuilderConfiguratorTypes { get; } = [];

    /// <summary>Assembly-qualified names.</summary>
    public List<string?> ClientBuilderConfiguratorTypes { get; } = [];
}
