namespace Orleans.Runtime;

/// <summary>The name of a grain class: by <see cref="GrainTypeAttribute"/>, else its name in lower case without "grain".</summary>
public readonly record struct GrainType(IdSpan Value)
{
    public static GrainType Create(string value) => new(IdSpan.Create(value));

    public override string ToString() => Value.ToString();
}
