namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Where text gets a blank in front.</summary>
internal enum BlankPrefix
{
    /// <summary>Nowhere.</summary>
    Never,

    /// <summary>At the very start of a text.</summary>
    First,

    /// <summary>At the start and behind every added token.</summary>
    Always,
}
