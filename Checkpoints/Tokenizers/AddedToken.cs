namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>An entry of <c>added_tokens</c>: text that becomes one token before any merging.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Content">The exact text.</param>
/// <param name="Special">True for control tokens, which only trusted text may spell out.</param>
/// <param name="Normalized">True when it is searched for only in what the tokens that are not normalized left over.</param>
internal sealed record AddedToken(int Id, string Content, bool Special, bool Normalized);
