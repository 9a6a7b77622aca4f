namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>The <c>model</c> object of tokenizer.json, checked.</summary>
/// <param name="Vocab">Id of each token, as the file writes it.</param>
/// <param name="IdOfByte">[256] id of the token of each single byte.</param>
/// <param name="Merges">What a pair of tokens merges to.</param>
/// <param name="IgnoreMerges">True when a word that is a token needs no merging.</param>
internal sealed record BpeModel(
    IReadOnlyDictionary<string, int> Vocab, int[] IdOfByte, Dictionary<ulong, BytePairMerger.Merge> Merges, bool IgnoreMerges);
