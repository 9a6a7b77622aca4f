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
        if (state.State.Sessions.ContainsValue(sessionId))
            return;
        state.State.Sessions.Add(++state.State.LastNumber, sessionId);
        await state.WriteStateAsync();
    }

    /// <inheritdoc/>
    public async Task Remove(string sessionId)
    {
        foreach (var (number, _) in state.State.Sessions.Where(s => s.Value == sessionId).ToArray())
        {
            state.State.Sessions.Remove(number);
            await state.WriteStateAsync();
        }
    }

    /// <inheritdoc/>
    public Task<SessionEntry[]> List(long afterNumber, int limit) =>
        Task.FromResult(state.State.Sessions.Where(s => s.Key > afterNumber).Take(limit).Select(s => new SessionEntry(s.Key, s.Value)).ToArray());
}
