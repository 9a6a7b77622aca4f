namespace QuaRot.Engine.Evaluation.LastWord;

/// <summary>A passage whose last word is to be predicted.</summary>
/// <param name="Context">Everything before the blank in front of the last word.</param>
/// <param name="Word">The last word, without the punctuation behind it.</param>
/// <param name="Occurs">True where the word occurs in the context too.</param>
public sealed record Passage(string Context, string Word, bool Occurs);
