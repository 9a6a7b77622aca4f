namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>An entry of <c>added_tokens</c>: text that becomes one token before any merging.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Content">The exact text.</param>
/// <param name="Special">True for control tokens, which only trusted text may spell out.</param>
/// <param name="Normalized">
/// True when it is searched for, itself normalized, in the normalized text that the tokens that are not normalized left over.
/// </param>
/// <param name="StripLeft">White space before it is swallowed.</param>
/// <param name="StripRight">White space behind it is swallowed.</param>
/// <param name="SingleWord">It counts only where neither neighbour is a character of a word.</param>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool Normalized, bool StripLeft = false, bool StripRight = false, bool SingleWord = false);
