namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>Token ids, their text as tokenizer.json writes it, and their bytes.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly string?[] _tokens;
    private readonly byte[]?[] _bytes;
    private readonly bool[] _special;

    /// <summary>Joins the model's tokens with the added ones, which must agree on the ids they share.</summary>
    public Vocabulary(BpeModel bpe, IReadOnlyList<AddedToken> added)
    {
        var model = bpe.Vocab;
        Size = Math.Max(model.Values.DefaultIfEmpty(-1).Max(), added.Select(t => t.Id).DefaultIfEmpty(-1).Max()) + 1;
        _ids = new Dictionary<string, int>(model, StringComparer.Ordinal);
        _tokens = new string?[Size];
        _bytes = new byte[]?[Size];
        _special = new bool[Size];
        foreach (var (token, id) in model)
            (_tokens[id], _bytes[id]) = (token, bpe.BytesOf(token));
        foreach (var token in added)
        {
            _ids[token.Content] = token.Id;
            _tokens[token.Id] = token.Content;
            _bytes[token.Id] = System.Text.Encoding.UTF8.GetBytes(token.Content);
            _special[token.Id] = token.Special;
        }
    }

    /// <summary>One more than the largest id.</summary>
    public int Size { get; }

    public int? IdOf(string token) => _ids.TryGetValue(token, out int id) ? id : null;

    public string TokenOf(int id) => Known(id) ? _tokens[id]! : throw Unknown(id);

    public byte[] BytesOf(int id) => Known(id) ? _bytes[id]! : throw Unknown(id);

    public bool IsSpecial(int id) => Known(id) ? _special[id] : throw Unknown(id);

    private bool Known(int id) => (uint)id < (uint)Size && _tokens[id] is not null;

    private ArgumentOutOfRangeException Unknown(int id) =>
        new(nameof(id), id, $"Token id {id} is not in the vocabulary, whose ids run from 0 to {Size - 1}.");
}
