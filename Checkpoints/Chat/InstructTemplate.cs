using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Chat;

/// <summary>Llama-2 and Mistral: questions stand between <c>[INST]</c> and <c>[/INST]</c>, answers end with eos_token.</summary>
internal sealed class InstructTemplate(InstructStyle style, string bos, string eos) : ChatTemplate
{
    private const string System = "system";
    private const string User = "user";

    /// <inheritdoc/>
    public override string Name => style.Name;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Roles { get; } = style.BeforeSystem is null ? [User, "assistant"] : [System, User, "assistant"];

    /// <inheritdoc/>
    public override string EndToken => eos;

    /// <inheritdoc/>
    public override IReadOnlyList<TextSegment> Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        CheckRoles(messages);
        bool system = messages.Count > 0 && messages[0].Role == System;
        CheckTurns(messages, system ? 1 : 0);
        return Write(bos, messages, system);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TextSegment> RenderContinuation(IReadOnlyList<ChatMessage> messages, bool historyEndsWithEnd)
    {
        CheckRoles(messages);
        CheckTurns(messages, 0);
        if (messages.Count == 0)
            throw new ArgumentException($"messages is empty; the chat template {Name} needs a question before every answer");
        return Write((historyEndsWithEnd ? "" : eos) + style.AfterEnd + (style.BosEveryTurn ? bos : ""), messages, system: false);
    }

    private List<TextSegment> Write(string own, IReadOnlyList<ChatMessage> messages, bool system)
    {
        var segments = new List<TextSegment>();
        int first = system ? 1 : 0;
        int last = messages.Count - 1;
        while (last > first && messages[last].Role != User)
            last--;
        int carrier = style.SystemInLastQuestion ? last : first;
        for (int i = first; i < messages.Count; i++)
        {
            if (messages[i].Role != User)
            {
                Add(own + style.BeforeAnswer, Trim(messages[i].Content));
                own = style.AfterAnswer + eos + style.AfterEnd;
                continue;
            }

            own += (i > first && style.BosEveryTurn ? bos : "") + "[INST] ";
            string content = messages[i].Content;
            if (system && i == carrier)
            {
                Add(own + style.BeforeSystem, messages[0].Content);
                own = style.AfterSystem;
            }
            else
            {
                content = Trim(content);
            }

            Add(own, system && i == carrier && style.TrimsContent ? content.TrimEnd() : content);
            own = style.AfterQuestion;
        }

        segments.Add(new TextSegment(own, ParseSpecial: true));
        return segments;

        void Add(string text, string content)
        {
            segments.Add(new TextSegment(text, ParseSpecial: true));
            segments.Add(new TextSegment(content, ParseSpecial: false));
        }
    }

    private string Trim(string content) => style.TrimsContent ? content.Trim() : content;

    private void CheckTurns(IReadOnlyList<ChatMessage> messages, int first)
    {
        for (int i = first; i < messages.Count; i++)
        {
            string expected = (i - first) % 2 == 0 ? User : "assistant";
            if (messages[i].Role != expected)
            {
                throw new ArgumentException($"messages[{i}].role is '{messages[i].Role}', but the chat template {Name} needs '{expected}' there: "
                    + "user and assistant take turns" + (style.BeforeSystem is null ? "" : ", and system may only begin a conversation"));
            }
        }
    }
}
