namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>The <c>model</c> object of tokenizer.json, checked.</summary>
/// <param name="Vocab">Id of each token, as the file writes it.</param>
/// <param name="IdOfByte">[256] id of the token of each single byte.</param>
/// <param name="Merges">What a pair of tokens merges to.</param>
/// <param name="IgnoreMerges">True when a word that is a token needs no merging.</param>
/// <param name="ByteFallback">
/// True when merging starts from characters, and only characters without a token become bytes, named <c>&lt;0x00&gt;</c> to
/// <c>&lt;0xFF&gt;</c>; false when it starts from bytes.
/// </param>
internal sealed record BpeModel(
    IReadOnlyDictionary<string, int> Vocab, int[] IdOfByte, MergeTable Merges, bool IgnoreMerges, bool ByteFallback)
{
    /// <summary>The bytes that a token of the model stands for.</summary>
    public byte[] BytesOf(string token) => ByteFallback
        ? IsByte(token, out byte value) ? [value] : System.Text.Encoding.UTF8.GetBytes(token.Replace(BlankSplitter.Blank, ' '))
        : ByteAlphabet.ToBytes(token);

    /// <summary>The name of a byte's token in a model with byte fallback.</summary>
    public static string NameOf(int value) => $"<0x{value:X2}>";

    private static bool IsByte(string token, out byte value)
    {
        value = 0;
        return token is ['<', '0', 'x', _, _, '>'] && byte.TryParse(
            token.AsSpan(3, 2), System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture, out value);
    }
}
