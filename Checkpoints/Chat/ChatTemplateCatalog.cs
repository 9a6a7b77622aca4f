using System.Text.RegularExpressions;

namespace QuaRot.Checkpoints.Chat;

/// <summary>The known templates: by name, and by the marks in a template's own text.</summary>
/// <remarks>
/// A template is taken for a known one only if it holds that family's marks and none of another's; how it spaces them, and its default system
/// prompt, are read from its text. What is not sure to be one of these is refused rather than guessed.
/// </remarks>
internal static partial class ChatTemplateCatalog
{
    private const string Qwen2System = "You are a helpful assistant.";
    private const string Preamble = "Cutting Knowledge Date: December 2023\nToday Date: ";
    private const string Date = "26 Jul 2024";

    /// <summary>Names that <see cref="ByName"/> takes.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        LexiTemplate.TemplateName, "chatml", "qwen2", "qwen3", "llama-2", "llama-3", "llama-3.1", "mistral-v1", "mistral-v3", "zephyr",
    ];

    /// <summary>The template of a name; null for an unknown one.</summary>
    public static ChatTemplate? ByName(string name, ChatTokens tokens) => name switch
    {
        LexiTemplate.TemplateName => new LexiTemplate(tokens.Bos),
        "chatml" => ChatMl("chatml", null),
        "qwen2" => ChatMl("qwen2", Qwen2System),
        "qwen3" => ChatMl("qwen3", null, thinks: true),
        "llama-2" => new InstructTemplate(Llama2, tokens.Bos, tokens.Eos(name)),
        "llama-3" => Llama3("llama-3", tokens.Bos, trims: true, date: null),
        "llama-3.1" => Llama3("llama-3.1", tokens.Bos, trims: true, Date),
        "mistral-v1" => new InstructTemplate(new("mistral-v1"), tokens.Bos, tokens.Eos(name)),
        "mistral-v3" => new InstructTemplate(
            new("mistral-v3") { AfterQuestion = "[/INST]", BeforeAnswer = " ", BeforeSystem = "", SystemInLastQuestion = true },
            tokens.Bos, tokens.Eos(name)),
        "zephyr" => Zephyr("", tokens),
        _ => null,
    };

    /// <summary>The template that a text is; null when it is none of the known ones.</summary>
    public static ChatTemplate? Recognise(string text, ChatTokens tokens)
    {
        if (LexiTemplate.Recognises(text))
            return new LexiTemplate(tokens.Bos);
        // Jinja writes a line break as \n in a string; some files hold real ones.
        text = text.Replace("\\n", "\n").Replace('"', '\'');
        string bos = text.Contains("bos_token") ? tokens.Bos : "";
        bool[] families =
            [text.Contains("<|im_start|>"), text.Contains("<|start_header_id|>"), text.Contains("[INST]"), text.Contains("'<|user|>\n'")];
        if (families.Count(f => f) != 1)
            return null;
        return families switch
        {
            [true, ..] => RecogniseChatMl(text, bos),
            [_, true, ..] => RecogniseLlama3(text, bos),
            [_, _, true, ..] => RecogniseInstruct(text, bos, tokens),
            _ => text.Contains("eos_token") && text.Contains("<|system|>") && text.Contains("<|assistant|>") && !text.Contains("<|end|>")
                ? Zephyr(bos, tokens) : null,
        };
    }

    private static InstructStyle Llama2 { get; } = new("llama-2")
    {
        BosEveryTurn = true,
        BeforeAnswer = " ",
        AfterAnswer = " ",
        TrimsContent = true,
        BeforeSystem = "<<SYS>>\n",
        AfterSystem = "\n<</SYS>>\n\n",
    };

    private static RoleMarkedTemplate ChatMl(string name, string? system, string bos = "", bool thinks = false) =>
        new(new RoleMarkup(name, "<|im_start|>", "\n", "<|im_end|>", "\n") { Start = bos, DefaultSystem = system, DropsThinking = thinks });

    private static RoleMarkedTemplate Llama3(string name, string bos, bool trims, string? date) =>
        new(new RoleMarkup(name, "<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>", "")
        {
            Start = bos,
            TrimsContent = trims,
            DefaultSystem = date is null ? null : "",
            SystemPreamble = date is null ? "" : Preamble + date + "\n\n",
        });

    private static RoleMarkedTemplate Zephyr(string bos, ChatTokens tokens) =>
        new(new RoleMarkup("zephyr", "<|", "|>\n", tokens.Eos("zephyr"), "\n") { Start = bos });

    private static RoleMarkedTemplate? RecogniseChatMl(string text, string bos)
    {
        if (!text.Contains("<|im_end|>") || text.Contains("<|im_sep|>"))
            return null;
        bool thinks = text.Contains("</think>");
        if (thinks && !text.Contains("reasoning_content"))
            return null;
        // Behind this mark stands the default, unless the string ends there for a message's own content to follow.
        string? system = null;
        foreach (Match match in SystemMessage().Matches(text))
        {
            if (!match.Groups["end"].Success || (system is not null && system != match.Groups["text"].Value))
                return null;
            system = match.Groups["text"].Value;
        }

        return ChatMl(thinks ? "qwen3" : system is null ? "chatml" : "qwen2", system, bos, thinks);
    }

    private static RoleMarkedTemplate? RecogniseLlama3(string text, string bos)
    {
        if (!text.Contains("<|end_header_id|>") || !text.Contains("<|eot_id|>"))
            return null;
        bool trims = text.Contains("| trim") || text.Contains("|trim");
        if (!text.Contains("Cutting Knowledge Date"))
            return Llama3("llama-3", bos, trims, date: null);
        // Newer ones ask for today's date, but a conversation must not change overnight: the date that they fall back to.
        return text.Contains(Preamble[..Preamble.IndexOf('\n')]) && DateString().Match(text) is { Success: true } date
            ? Llama3("llama-3.1", bos, trims, date.Groups[1].Value)
            : null;
    }

    private static InstructTemplate? RecogniseInstruct(string text, string bos, ChatTokens tokens)
    {
        if (!text.Contains("eos_token") || bos.Length == 0 || text.Contains("[SYSTEM_PROMPT]"))
            return null;
        if (text.Contains("<<SYS>>"))
        {
            // Variants with another system prompt or spacing are not this template.
            return text.Contains("bos_token + '[INST] ' + content.strip() + ' [/INST]'") && text.Contains("content.strip() + ' ' + eos_token")
                ? new InstructTemplate(Llama2, bos, tokens.Eos("llama-2")) : null;
        }

        bool spaced = text.Contains("' [/INST]'");
        if (!text.Contains("'[INST] '") || spaced == text.Contains("'[/INST]'"))
            return null;
        var style = new InstructStyle(spaced ? "mistral-v1" : "mistral-v3")
        {
            AfterQuestion = spaced ? " [/INST]" : "[/INST]",
            BeforeAnswer = BlankBeforeAnswer().IsMatch(text) ? " " : "",
            AfterEnd = text.Contains("eos_token + ' '") ? " " : "",
            BeforeSystem = text.Contains("system_message") ? "" : null,
            SystemInLastQuestion = text.Contains("loop.last and system_message"),
        };
        return new InstructTemplate(style, bos, tokens.Eos(style.Name));
    }

    [GeneratedRegex(@"<\|im_start\|>system\n(?!'|\{\{)(?<text>[^{}']*?)((?<end><\|im_end\|>)|[{}']|$)")]
    private static partial Regex SystemMessage();

    [GeneratedRegex("date_string = '([^']+)'")]
    private static partial Regex DateString();

    [GeneratedRegex(@"' '\s*\+\s*(message\[?|content)")]
    private static partial Regex BlankBeforeAnswer();
}
