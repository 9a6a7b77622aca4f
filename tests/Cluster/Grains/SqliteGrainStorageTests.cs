using Orleans.Storage;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Grains.Storage;

namespace QuaRot.Cluster.Tests.Grains;

/// <summary>Grain state in SQLite: durability, ETags, errors.</summary>
public sealed class SqliteGrainStorageTests : IDisposable
{
    private static readonly GrainId Id = GrainId.Create("thing", "one");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_is_written_is_read_by_the_next_process()
    {
        using (var storage = Open())
            await storage.WriteStateAsync("s", Id, State("hello"));
        using var again = Open();
        var read = new GrainState<Thing>();
        await again.ReadStateAsync("s", Id, read);
        Assert.Equal(("hello", true, "1"), (read.State!.Text, read.RecordExists, read.ETag));
    }

    [Fact]
    public async Task A_stale_write_is_refused_and_changes_nothing()
    {
        using var storage = Open();
        var (first, second) = (State("a"), new GrainState<Thing>());
        await storage.WriteStateAsync("s", Id, first);
        await storage.ReadStateAsync("s", Id, second);
        second.State!.Text = "b";
        await storage.WriteStateAsync("s", Id, second);

        first.State!.Text = "lost";
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("s", Id, first));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("s", Id, first));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("s", Id, State("new")));
        await storage.ReadStateAsync("s", Id, first);
        Assert.Equal("b", first.State!.Text);
    }

    [Fact]
    public async Task Cleared_state_is_gone_and_may_be_written_anew()
    {
        using var storage = Open();
        var state = State("a");
        await storage.WriteStateAsync("s", Id, state);
        await storage.ClearStateAsync("s", Id, state);
        Assert.False(state.RecordExists);
        await storage.ReadStateAsync("s", Id, state);
        Assert.False(state.RecordExists);
        await storage.WriteStateAsync("s", Id, state);
        Assert.True(state.RecordExists);
    }

    [Fact]
    public void A_file_that_is_no_database_is_named()
    {
        File.WriteAllText(_folder["sessions.db"], new string('x', 4096));
        var error = Assert.Throws<IOException>(Open);
        Assert.StartsWith($"{_folder["sessions.db"]}: cannot be used as session store", error.Message, StringComparison.Ordinal);
    }

    private static GrainState<Thing> State(string text) => new() { State = new Thing { Text = text } };

    private SqliteGrainStorage Open() => new(_folder["sessions.db"]);

    private sealed class Thing
    {
        public string Text { get; set; } = "";
    }
}
