using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Chat;

/// <summary>
/// The template of lexi-21m: <c>&lt;|role|&gt;</c>, a line break, the content, <c>&lt;|end|&gt;</c>, a line break; the whole after
/// bos_token.
/// </summary>
internal sealed class LexiTemplate(string bosToken) : ChatTemplate
{
    /// <summary><see cref="Name"/> of this template.</summary>
    public const string TemplateName = "lexi";

    private const string Source =
        "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";

    private const string End = "<|end|>";
    private const string GenerationPrompt = "<|assistant|>\n";

    /// <inheritdoc/>
    public override string Name => TemplateName;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Roles { get; } = ["user", "assistant"];

    /// <inheritdoc/>
    public override string EndToken => End;

    /// <summary>True when <paramref name="source"/> is this template; like Jinja, it overlooks one line break at the end.</summary>
    public static bool Recognises(string source)
    {
        string text = source.Replace("\r\n", "\n");
        return (text.EndsWith('\n') ? text[..^1] : text) == Source;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TextSegment> Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        CheckRoles(messages);
        return Write(bosToken, messages, addGenerationPrompt);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TextSegment> RenderContinuation(IReadOnlyList<ChatMessage> messages, bool historyEndsWithEnd)
    {
        CheckRoles(messages);
        return Write(historyEndsWithEnd ? "\n" : End + "\n", messages, addGenerationPrompt: true);
    }

    private static List<TextSegment> Write(string start, IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        var segments = new List<TextSegment>();
        string own = start;
        foreach (var message in messages)
        {
            segments.Add(new TextSegment($"{own}<|{message.Role}|>\n", ParseSpecial: true));
            segments.Add(new TextSegment(message.Content, ParseSpecial: false));
            own = End + "\n";
        }

        segments.Add(new TextSegment(addGenerationPrompt ? own + GenerationPrompt : own, ParseSpecial: true));
        return segments;
    }
}
