namespace QuaRot.Engine.Turns;

/// <summary>Why a turn ended. On the wire and on disk: values are never changed, only added.</summary>
public enum FinishReason
{
    /// <summary>Not ended.</summary>
    None = 0,

    /// <summary>The model generated an end token.</summary>
    Stop = 1,

    /// <summary>The text reached a stop string.</summary>
    StopString = 2,

    /// <summary>The token limit of the turn was reached.</summary>
    Length = 3,

    /// <summary>The client stopped it.</summary>
    Cancelled = 4,

    /// <summary>The context is full.</summary>
    Context = 5,
}
