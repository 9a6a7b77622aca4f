namespace Orleans.Runtime;

/// <summary>The text of half a grain id. Equality is ordinal.</summary>
public readonly record struct IdSpan
{
    private readonly string? _text;

    private IdSpan(string text) => _text = text;

    public static IdSpan Create(string id) => new(id);

    public override string ToString() => _text ?? "";
}
