using QuaRot.Contracts.Sessions;

namespace QuaRot.Grains.Sessions;

/// <summary>The list of an owner's sessions, in order of creation.</summary>
[GrainType("session-directory")]
public sealed class SessionDirectoryGrain(
    [PersistentState("directory", SessionGrain.Storage)] IPersistentState<SessionDirectoryRecord> state) : Grain, ISessionDirectoryGrain
{
    /// <inheritdoc/>
    public async Task Add(string sessionId)
    {
        if (state.State.SessionIds.Contains(sessionId))
            return;
        state.State.SessionIds.Add(sessionId);
        await state.WriteStateAsync();
    }

    /// <inheritdoc/>
    public async Task Remove(string sessionId)
    {
        if (state.State.SessionIds.Remove(sessionId))
            await state.WriteStateAsync();
    }

    /// <inheritdoc/>
    public Task<string[]> List(string afterId, int limit)
    {
        var ids = state.State.SessionIds;
        var start = afterId.Length == 0 ? 0 : ids.IndexOf(afterId) + 1;
        return Task.FromResult(ids.Skip(start).Take(limit).ToArray());
    }
}
