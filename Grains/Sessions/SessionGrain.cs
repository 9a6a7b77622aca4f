using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging;
using QuaRot.Checkpoints.Chat;
using QuaRot.Contracts;
using QuaRot.Contracts.Sessions;
using QuaRot.Engine.Turns;
using QuaRot.Grains.Models;

namespace QuaRot.Grains.Sessions;

/// <summary>A chat. Its history is stored before the first token of a turn is asked for, and again when the turn has ended.</summary>
[GrainType("session")]
public sealed class SessionGrain(
    [PersistentState("session", SessionGrain.Storage)] IPersistentState<SessionRecord> state,
    ServedModel model, TimeProvider time, ILogger<SessionGrain> log) : Grain, ISessionGrain
{
    /// <summary>Name of the grain storage that holds sessions.</summary>
    public const string Storage = "sessions";

    private const string Assistant = "assistant";
    private static readonly TimeSpan EndingGrace = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CancellationGrace = TimeSpan.FromSeconds(1);

    private TurnRunner _runner = null!;
    private SessionHistory _history = null!;
    private RunningTurn? _turn;

    private string Id => this.GetPrimaryKeyString();

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _runner = new TurnRunner(model, GrainFactory, time, log);
        _history = new SessionHistory(state.State.History);
        if (_history.Pending is null)
            return;

        // The process ended in mid-answer and the client's stream with it: the session stands as it was before that turn.
        _history.Discard();
        await state.WriteStateAsync();
    }

    /// <inheritdoc/>
    public async Task<SessionSummary> Create(string owner)
    {
        if (state.RecordExists && !IsOf(owner))
            throw Unknown();
        if (!state.RecordExists)
        {
            state.State.Owner = owner;
            state.State.CreatedAt = state.State.LastUsedAt = time.GetUtcNow();
            await state.WriteStateAsync();
            await Directory(owner).Add(Id);
        }

        return Summary();
    }

    /// <inheritdoc/>
    public Task<SessionSummary?> Describe(string owner) => Task.FromResult(IsOf(owner) ? Summary() : null);

    /// <inheritdoc/>
    public Task<SessionView?> Read(string owner) =>
        Task.FromResult(IsOf(owner) ? new SessionView(Summary(), [.. state.State.Messages]) : null);

    /// <inheritdoc/>
    public async Task<bool> Delete(string owner)
    {
        if (!IsOf(owner))
            return false;
        if (_turn is { } turn)
        {
            turn.Delete();
            await EndOf(turn);
        }

        await state.ClearStateAsync();
        _history = new SessionHistory(state.State.History);
        await Directory(owner).Remove(Id);
        await Release();
        return true;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TurnEvent> Chat(string owner, ChatTurn turn, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Before all else: whether the session is busy is its owner's alone to know.
        if (!IsOf(owner))
            throw Unknown();
        using var running = await Begin(cancellationToken);
        try
        {
            // A turn that had to end first may have been ended by a deletion.
            if (!IsOf(owner))
                throw Unknown();
            var prompt = Render(turn.Messages);
            var room = _runner.Room("messages", state.State.History.Tokens.Count + prompt.Length);
            var numericsId = await _runner.NumericsId();
            RefuseDeleted(running);
            var pending = _history.Begin(prompt, _runner.Settings(turn.Sampling, room) with { NumericsId = numericsId });
            state.State.LastUsedAt = time.GetUtcNow();
            await Save(running);
            yield return Start(pending, numericsId);

            var answer = new StringBuilder();
            await using var chunks = _runner.Run(Id, state.State.History.Tokens, pending, running.Token).GetAsyncEnumerator(running.Token);
            while (await Next(chunks, running))
            {
                RefuseDeleted(running);
                var chunk = chunks.Current;
                _history.Append(chunk.TokenIds);
                answer.Append(chunk.Text);
                if (chunk.IsFinal)
                    await Complete(running, turn.Messages, answer.ToString(), chunk.FinishReason);
                yield return chunk.ToEvent(limitedByContext: room < turn.Sampling.MaxTokens);
            }
        }
        finally
        {
            await End(running, turn.Messages);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TurnEvent> Generate(GenerateTurn turn, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var running = await Begin(cancellationToken);
        try
        {
            var room = _runner.Room("prompt", turn.PromptTokens.Length);
            var history = new SessionHistory(new SessionState());
            var pending = history.Begin(turn.PromptTokens, _runner.Settings(turn.Sampling, room));
            yield return Start(pending, await _runner.NumericsId());
            await foreach (var chunk in _runner.Run(Id, turn.PromptTokens, pending, running.Token))
                yield return chunk.ToEvent(limitedByContext: room < turn.Sampling.MaxTokens);
        }
        finally
        {
            _turn = null;
            await Release();
        }
    }

    private static TurnEvent Start(PendingTurn pending, string numericsId) =>
        new() { Start = new TurnStart(pending.Settings.Seed, pending.AnswerStart, numericsId, pending.Index) };

    // A turn that was cancelled is about to end: who cancels and asks again at once shall not hear "busy". The cancellation travels apart from
    // the next call and may come in behind it, so a busy session listens for it a moment before it refuses.
    private async Task<RunningTurn> Begin(CancellationToken cancellationToken)
    {
        if (_turn is { } before)
            await before.CancelledOrEnded.WaitAsync(CancellationGrace, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        if (_turn is { Token.IsCancellationRequested: true } ending)
            await EndOf(ending);
        if (_turn is not null)
            throw new RequestRejectedException(RejectionReason.Busy, $"session_id: session '{Id}' is busy with another turn");
        return _turn = new RunningTurn(cancellationToken);
    }

    // Bounded, for a client that neither reads nor leaves holds its turn open.
    private async Task EndOf(RunningTurn turn) =>
        await turn.Ended.WaitAsync(EndingGrace, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

    private bool IsOf(string owner) => state.RecordExists
        && (state.State.Owner == owner || (state.State.Owner == SessionOwner.Anonymous && owner == SessionOwner.Nobody));

    private RequestRejectedException Unknown() => new(RejectionReason.NotFound, $"session_id: there is no session '{Id}'");

    private void RefuseDeleted(RunningTurn running)
    {
        if (running.IsDeleted)
            throw new RequestRejectedException(RejectionReason.NotFound, $"session_id: session '{Id}' was deleted");
    }

    private int[] Render(Message[] messages)
    {
        var tokens = state.State.History.Tokens;
        ChatMessage[] chat = [.. messages.Select(m => new ChatMessage(m.Role, m.Content))];
        try
        {
            return tokens.Count == 0
                ? model.Tokenizer.Encode(model.Template.Render(chat, addGenerationPrompt: true))
                : model.Tokenizer.Encode(
                    model.Template.RenderContinuation(chat, historyEndsWithEnd: model.StopTokenIds.Contains(tokens[^1])), continues: true);
        }
        catch (ArgumentException e)
        {
            throw new RequestRejectedException(RejectionReason.InvalidArgument, e.Message);
        }
    }

    // A turn that fails is taken back whole, so that the client may simply ask again.
    private async Task<bool> Next(IAsyncEnumerator<TurnChunk> chunks, RunningTurn running)
    {
        try
        {
            return await chunks.MoveNextAsync();
        }
        catch (Exception e) when (_history.Pending is not null && !running.IsDeleted)
        {
            log.TurnFailed(Id, _history.Pending.Index, _history.AnswerLength, e);
            _history.Discard();
            await Save(running);
            throw;
        }
    }

    private async Task Complete(RunningTurn running, Message[] messages, string answer, FinishReason reason)
    {
        if (reason == FinishReason.Cancelled && _history.AnswerLength == 0)
        {
            // Cancelled before the first token: as if it had never been asked.
            _history.Discard();
        }
        else
        {
            _history.Complete(reason);
            state.State.Messages.AddRange(messages);
            state.State.Messages.Add(new Message(Assistant, answer));
        }

        await Save(running);
    }

    // The client went away between two pieces: what it was sent stays.
    private async Task End(RunningTurn running, Message[] messages)
    {
        try
        {
            if (_history.Pending is not { } pending || running.IsDeleted || !state.RecordExists)
                return;
            var decoder = new TurnDecoder(new TokenizerDecoder(model.Tokenizer), pending.Settings.StopStrings);
            var answer = new StringBuilder();
            foreach (var id in _history.AnswerOf(pending.Index).TakeWhile(_ => !decoder.IsStopped))
                answer.Append(decoder.Push(id));
            await Complete(running, messages, answer.Append(decoder.Flush()).ToString(), FinishReason.Cancelled);
        }
        finally
        {
            _turn = null;
        }
    }

    // What could not be stored did not happen: memory goes back to what the store holds.
    private async Task Save(RunningTurn running)
    {
        RefuseDeleted(running);
        try
        {
            await state.WriteStateAsync();
        }
        catch (Exception e)
        {
            log.SessionNotStored(Id, e);
            await state.ReadStateAsync();
            _history = new SessionHistory(state.State.History);
            if (_history.Pending is not null)
                _history.Discard();
            // Orleans wraps the store's error in one whose text carries a stack trace; the client gets the store's own words.
            throw new RequestRejectedException(RejectionReason.Unavailable, $"the session store failed: {e.GetBaseException().Message}");
        }
    }

    // Freeing KV early is a courtesy; the lead evicts idle sequences by itself.
    private async Task Release()
    {
        try
        {
            await _runner.Release(Id);
        }
        catch (Exception e)
        {
            log.ReleaseFailed(Id, e);
        }
    }

    private ISessionDirectoryGrain Directory(string owner) => GrainFactory.GetGrain<ISessionDirectoryGrain>(SessionOwner.DirectoryKey(owner));

    private SessionSummary Summary() => new(
        Id, state.State.Owner, state.State.CreatedAt, state.State.LastUsedAt, state.State.History.Turns.Count, state.State.History.Tokens.Count);
}
