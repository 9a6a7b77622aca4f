using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Storage;
using QuaRot.Grains.Models;
using QuaRot.Grains.Sessions;
using QuaRot.Grains.Shards;
using QuaRot.Grains.Storage;

namespace QuaRot.Silo;

/// <summary>Makes an Orleans silo one that serves a model.</summary>
public static class SiloHosting
{
    /// <summary>Adds what shards and sessions need to a silo.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="model">Which model it serves; the same on every silo of the cluster.</param>
    public static ISiloBuilder AddQuaRotSilo(this ISiloBuilder silo, Action<ModelOptions> model)
    {
        silo.Services.Configure(model);
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<ServedModel>();
        silo.Services.AddSingleton<ActivationLinks>();
        silo.Services.AddSingleton<ShardRuntimes>();
        silo.AddPlacementDirector<ShardPlacement, ShardPlacementDirector>();
        return silo;
    }

    /// <summary>Keeps sessions in a SQLite file; for a cluster that lives in one process.</summary>
    public static ISiloBuilder AddSqliteSessions(this ISiloBuilder silo, string file)
    {
        silo.Services.AddKeyedSingleton<IGrainStorage>(SessionGrain.Storage, (_, _) => new SqliteGrainStorage(file));
        return silo;
    }
}
