namespace QuaRot.Contracts.Shards;

/// <summary>The key of a shard grain, <c>model/replica/stage</c>.</summary>
public readonly record struct ShardKey(string Model, int Replica, int Stage)
{
    /// <summary>Reads a grain's key.</summary>
    /// <exception cref="FormatException">The key has another form.</exception>
    public static ShardKey Parse(string key)
    {
        var parts = key.Split('/');
        if (parts.Length != 3 || !int.TryParse(parts[1], out var replica) || !int.TryParse(parts[2], out var stage) || replica < 0 || stage < 0)
            throw new FormatException($"Shard key '{key}' is not of the form model/replica/stage.");
        return new(parts[0], replica, stage);
    }

    /// <summary>The key of the stage that leads the replica.</summary>
    public ShardKey Lead => this with { Stage = 0 };

    /// <summary>The key of the stage after this one.</summary>
    public ShardKey Next => this with { Stage = Stage + 1 };

    /// <summary>The grain key.</summary>
    public override string ToString() => $"{Model}/{Replica}/{Stage}";
}
