namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>A stretch of text that says whether special tokens may be recognised in it.</summary>
/// <param name="Text">Any text; it is tokenized together with its neighbours.</param>
/// <param name="ParseSpecial">
/// True for what a template wrote, false for what a user wrote: there <c>&lt;|end|&gt;</c> stays plain text.
/// </param>
public sealed record TextSegment(string Text, bool ParseSpecial);
