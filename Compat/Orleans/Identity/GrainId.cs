namespace Orleans.Runtime;

/// <summary>A grain's identity: its type and its key, written "type/key".</summary>
public readonly record struct GrainId(GrainType Type, IdSpan Key)
{
    public static GrainId Create(string type, string key) => Create(GrainType.Create(type), key);

    public static GrainId Create(GrainType type, string key) => new(type, IdSpan.Create(key));

    public override string ToString() => $"{Type}/{Key}";
}
