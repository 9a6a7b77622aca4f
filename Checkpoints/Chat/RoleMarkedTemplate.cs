using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Chat;

/// <summary>ChatML, Llama-3, Zephyr: every message stands between marks that name its speaker.</summary>
internal sealed class RoleMarkedTemplate(RoleMarkup markup) : ChatTemplate
{
    private const string System = "system";
    private const string Assistant = "assistant";
    private const string ThinkEnd = "</think>";

    /// <inheritdoc/>
    public override string Name => markup.Name;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Roles { get; } = [System, "user", Assistant];

    /// <inheritdoc/>
    public override string EndToken => markup.End;

    /// <inheritdoc/>
    public override IReadOnlyList<TextSegment> Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        CheckRoles(messages);
        bool system = messages.Count > 0 && messages[0].Role == System;
        string own = markup.Start;
        if (!system && markup.DefaultSystem is { } text)
            own += Head(System) + markup.SystemPreamble + text + markup.End + markup.AfterEnd;
        return Write(own, messages, system ? markup.SystemPreamble : "", addGenerationPrompt);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TextSegment> RenderContinuation(IReadOnlyList<ChatMessage> messages, bool historyEndsWithEnd)
    {
        CheckRoles(messages);
        return Write((historyEndsWithEnd ? "" : markup.End) + markup.AfterEnd, messages, "", addGenerationPrompt: true);
    }

    private string Head(string role) => markup.BeforeRole + role + markup.AfterRole;

    private List<TextSegment> Write(string own, IReadOnlyList<ChatMessage> messages, string preamble, bool addGenerationPrompt)
    {
        var segments = new List<TextSegment>();
        int lastQuestion = LastQuestion(messages);
        for (int i = 0; i < messages.Count; i++)
        {
            var (role, content) = messages[i];
            own += Head(role) + (i == 0 ? preamble : "");
            if (markup.DropsThinking && role == Assistant)
                content = Answer(content, i > lastQuestion, i == messages.Count - 1, ref own);
            segments.Add(new TextSegment(own, ParseSpecial: true));
            segments.Add(new TextSegment(markup.TrimsContent ? content.Trim() : content, ParseSpecial: false));
            own = markup.End + markup.AfterEnd;
        }

        segments.Add(new TextSegment(addGenerationPrompt ? own + Head(Assistant) : own, ParseSpecial: true));
        return segments;
    }

    private static int LastQuestion(IReadOnlyList<ChatMessage> messages)
    {
        for (int i = messages.Count - 1; i >= 0; i--)
        {
            if (messages[i].Role == "user" && !(messages[i].Content.StartsWith("<tool_response>", StringComparison.Ordinal)
                && messages[i].Content.EndsWith("</tool_response>", StringComparison.Ordinal)))
                return i;
        }

        return messages.Count - 1;
    }

    // The thoughts of an answer to the last question are kept, and an answer that ends the conversation has them even if they are empty.
    private static string Answer(string content, bool current, bool last, ref string own)
    {
        int end = content.IndexOf(ThinkEnd, StringComparison.Ordinal);
        string thoughts = end < 0 ? "" : content[..end].TrimEnd('\n').Split("<think>")[^1].Trim('\n');
        string answer = end < 0 ? content : content.Split(ThinkEnd)[^1].TrimStart('\n');
        if (!current || (!last && thoughts.Length == 0))
            return answer;
        own += "<think>\n";
        return $"{thoughts}\n</think>\n\n{answer.TrimStart('\n')}";
    }
}
