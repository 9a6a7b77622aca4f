using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Orleans.Storage;

namespace QuaRot.Grains.Storage;

/// <summary>Grain state in one SQLite file, for a cluster that lives in one process. State is stored as JSON.</summary>
/// <remarks>Writes are durable when they return (WAL, synchronous=FULL). The ETag is a version number that every write must match.</remarks>
public sealed class SqliteGrainStorage : IGrainStorage, IDisposable
{
    private const string Schema = """
        CREATE TABLE IF NOT EXISTS grain_state (
            grain TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL,
            PRIMARY KEY (grain, name)) WITHOUT ROWID
        """;

    private readonly SqliteConnection _connection;
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Opens the file, making it if it is not there.</summary>
    /// <exception cref="IOException">The file cannot be made or is no database; the message names it.</exception>
    public SqliteGrainStorage(string file)
    {
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(file)) is { Length: > 0 } folder)
                Directory.CreateDirectory(folder);
            _connection = new(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
            _connection.Open();
            Execute("PRAGMA journal_mode=WAL");
            Execute("PRAGMA synchronous=FULL");
            Execute("PRAGMA busy_timeout=5000");
            Execute(Schema);
        }
        catch (Exception e) when (e is SqliteException or UnauthorizedAccessException or IOException)
        {
            _connection?.Dispose();
            throw new IOException($"{file}: cannot be used as session store: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => InTurn(() =>
    {
        using var command = Command("SELECT version, data FROM grain_state WHERE grain = $grain AND name = $name", grainId, stateName);
        using var reader = command.ExecuteReader();
        if (!reader.Read())
        {
            Forget(grainState);
            return;
        }

        grainState.ETag = reader.GetInt64(0).ToString(CultureInfo.InvariantCulture);
        grainState.State = JsonSerializer.Deserialize<T>(reader.GetString(1))
            ?? throw new InvalidDataException($"The stored state '{stateName}' of {grainId} is empty.");
        grainState.RecordExists = true;
    });

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        // Here, on the grain's own turn: by the time the disk is ready the grain may be changing its state again.
        var data = JsonSerializer.Serialize(grainState.State);
        var version = Version(grainState.ETag);
        return InTurn(() =>
        {
            using var command = Command(
                version == 0
                    ? "INSERT INTO grain_state (grain, name, version, data) VALUES ($grain, $name, 1, $data) ON CONFLICT DO NOTHING"
                    : "UPDATE grain_state SET version = version + 1, data = $data WHERE grain = $grain AND name = $name AND version = $version",
                grainId, stateName);
            command.Parameters.AddWithValue("$data", data);
            command.Parameters.AddWithValue("$version", version);
            if (command.ExecuteNonQuery() != 1)
                throw Conflict(stateName, grainId, grainState.ETag);
            grainState.ETag = (version + 1).ToString(CultureInfo.InvariantCulture);
            grainState.RecordExists = true;
        });
    }

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => InTurn(() =>
    {
        var version = Version(grainState.ETag);
        using var command = Command(
            "DELETE FROM grain_state WHERE grain = $grain AND name = $name AND version = $version", grainId, stateName);
        command.Parameters.AddWithValue("$version", version);
        if (command.ExecuteNonQuery() != 1 && version != 0)
            throw Conflict(stateName, grainId, grainState.ETag);
        Forget(grainState);
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        _connection.Dispose();
        _turn.Dispose();
    }

    private static void Forget<T>(IGrainState<T> grainState)
    {
        grainState.ETag = null!;
        grainState.State = Activator.CreateInstance<T>();
        grainState.RecordExists = false;
    }

    private static long Version(string? etag) => string.IsNullOrEmpty(etag) ? 0 : long.Parse(etag, CultureInfo.InvariantCulture);

    private static InconsistentStateException Conflict(string stateName, GrainId grainId, string? etag) =>
        new($"State '{stateName}' of {grainId} was written by someone else since version {etag ?? "0"} was read.");

    private SqliteCommand Command(string sql, GrainId grainId, string stateName)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.Parameters.AddWithValue("$grain", grainId.ToString());
        command.Parameters.AddWithValue("$name", stateName);
        return command;
    }

    private void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    // SQLite writes block on the disk: off the grain's turn, one at a time on the one connection.
    private async Task InTurn(Action action)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await Task.Run(action).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }
}
