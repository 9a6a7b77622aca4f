namespace QuaRot.Engine.Turns;

/// <summary>The state machine of a session: idle, or one turn under way. The caller stores the state after each change.</summary>
/// <param name="state">The stored state, changed in place.</param>
public sealed class SessionHistory(SessionState state)
{
    /// <summary>The state to store.</summary>
    public SessionState State { get; } = state;

    /// <summary>The turn under way, or null.</summary>
    public PendingTurn? Pending => State.Pending;

    /// <summary>Tokens of the answer under way so far; 0 when idle.</summary>
    public int AnswerLength => Pending is null ? 0 : State.Tokens.Count - Pending.AnswerStart;

    /// <summary>Appends a prompt and opens a turn; store the state before the first token is asked for.</summary>
    /// <exception cref="InvalidOperationException">A turn is under way.</exception>
    /// <exception cref="ArgumentException">There would be no token to continue from, or a setting is out of range.</exception>
    public PendingTurn Begin(ReadOnlySpan<int> prompt, TurnSettings settings)
    {
        if (Pending is not null)
        {
            throw new InvalidOperationException($"Turn {Pending.Index} of the session is under way; resume or cancel it before the next.");
        }

        settings.Validate();
        if (State.Tokens.Count + prompt.Length == 0)
        {
            throw new ArgumentException("The first prompt of a session must hold at least one token.", nameof(prompt));
        }

        int start = State.Tokens.Count;
        State.Tokens.AddRange(prompt);
        State.Pending = new PendingTurn
        {
            Index = State.Turns.Count,
            PromptStart = start,
            AnswerStart = State.Tokens.Count,
            Settings = settings,
        };
        return State.Pending;
    }

    /// <summary>Appends tokens of the answer.</summary>
    /// <exception cref="InvalidOperationException">No turn is under way.</exception>
    public void Append(IEnumerable<int> tokens)
    {
        RequirePending();
        State.Tokens.AddRange(tokens);
    }

    /// <summary>Closes the turn; its tokens stay in the history whatever the reason.</summary>
    /// <exception cref="InvalidOperationException">No turn is under way.</exception>
    public CompletedTurn Complete(FinishReason reason)
    {
        if (reason == FinishReason.None)
        {
            throw new ArgumentException("A turn that ends has a finish reason.", nameof(reason));
        }

        PendingTurn pending = RequirePending();
        var turn = new CompletedTurn
        {
            PromptStart = pending.PromptStart,
            AnswerStart = pending.AnswerStart,
            End = State.Tokens.Count,
            FinishReason = reason,
            Settings = pending.Settings,
        };
        State.Turns.Add(turn);
        State.Pending = null;
        return turn;
    }

    /// <summary>Takes back the turn under way with its prompt and answer: for a request that turned out to be impossible.</summary>
    /// <exception cref="InvalidOperationException">No turn is under way.</exception>
    public void Discard()
    {
        PendingTurn pending = RequirePending();
        State.Tokens.RemoveRange(pending.PromptStart, State.Tokens.Count - pending.PromptStart);
        State.Pending = null;
    }

    /// <summary>The tokens of an answer, of a completed turn or of the one under way.</summary>
    public int[] AnswerOf(int turn)
    {
        if (Pending is not null && turn == Pending.Index)
        {
            return [.. State.Tokens.Skip(Pending.AnswerStart)];
        }

        CompletedTurn completed = State.Turns[turn];
        return [.. State.Tokens.GetRange(completed.AnswerStart, completed.End - completed.AnswerStart)];
    }

    private PendingTurn RequirePending()
    {
        return Pending ?? throw new InvalidOperationException("No turn of the session is under way.");
    }
}
