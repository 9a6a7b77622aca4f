using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Chat;

/// <summary>
/// How a checkpoint wants conversations written. Known templates are implemented here and recognised by their text.
/// </summary>
/// <remarks>
/// The templates are programs in Jinja; running whatever a checkpoint brings would let its author decide what is trusted. Written by hand,
/// each one says which stretches are its own and which come from outside. Thread-safe.
/// </remarks>
public abstract class ChatTemplate
{
    /// <summary>Short name, for logs.</summary>
    public abstract string Name { get; }

    /// <summary>The roles that messages may have.</summary>
    public abstract IReadOnlyList<string> Roles { get; }

    /// <summary>The token that ends a message; a model that writes it has ended its answer.</summary>
    public abstract string EndToken { get; }

    /// <summary>Names that <see cref="Load"/> takes.</summary>
    public static IReadOnlyList<string> Names => ChatTemplateCatalog.Names;

    /// <summary>Says how a user picks a template by its name.</summary>
    internal static string HowToChoose => $"choose one with --chat-template: {string.Join(", ", Names)}";

    /// <summary>
    /// Picks the template of a checkpoint folder: the named one or, without a name, by chat_template.jinja or, without that,
    /// tokenizer_config.json's <c>chat_template</c>.
    /// </summary>
    /// <param name="folder">The checkpoint; its tokenizer_config.json says what bos_token and eos_token are.</param>
    /// <param name="name">One of <see cref="Names"/>, or null.</param>
    /// <exception cref="CheckpointException">There is no template, it cannot be read, or it is none of the known ones.</exception>
    /// <exception cref="ArgumentException">There is no template of that name.</exception>
    public static ChatTemplate Load(string folder, string? name = null)
    {
        var tokens = ChatTemplateFile.ReadTokens(folder);
        if (name is not null)
        {
            return ChatTemplateCatalog.ByName(name, tokens)
                ?? throw new ArgumentException($"There is no chat template '{name}'; there are {string.Join(", ", Names)}.", nameof(name));
        }

        var (file, text) = ChatTemplateFile.Read(folder);
        return ChatTemplateCatalog.Recognise(text, tokens)
            ?? throw new CheckpointException(file, $"the chat template is not known; {HowToChoose}");
    }

    /// <summary>Writes a whole conversation.</summary>
    /// <param name="messages">From the first to the last.</param>
    /// <param name="addGenerationPrompt">End with the start of an assistant's answer.</param>
    /// <returns>The text; special tokens may be recognised only in the template's own segments.</returns>
    /// <exception cref="ArgumentException">A message has a role that the template does not know.</exception>
    public abstract IReadOnlyList<TextSegment> Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt);

    /// <summary>Writes what goes between an assistant's answer, of which only the token ids are kept, and the next answer.</summary>
    /// <param name="messages">The new messages, usually one of the user; may be empty to have the assistant speak again.</param>
    /// <param name="historyEndsWithEnd">
    /// True when the answer's last token is the one that ends a message; false when it was cut before that, by a limit or by the client.
    /// </param>
    /// <returns>
    /// The text up to and with the start of the next answer; history, encoded text and answer make one unbroken conversation.
    /// </returns>
    /// <exception cref="ArgumentException">A message has a role that the template does not know.</exception>
    public abstract IReadOnlyList<TextSegment> RenderContinuation(IReadOnlyList<ChatMessage> messages, bool historyEndsWithEnd);

    /// <summary>Throws unless every message has one of <see cref="Roles"/>.</summary>
    /// <exception cref="ArgumentException">Names the role and the message, counted from 0.</exception>
    protected void CheckRoles(IReadOnlyList<ChatMessage> messages)
    {
        for (int i = 0; i < messages.Count; i++)
        {
            if (!Roles.Contains(messages[i].Role))
            {
                throw new ArgumentException(
                    $"messages[{i}].role is '{messages[i].Role}', which the model's chat template does not know; known: "
                    + string.Join(", ", Roles));
            }
        }
    }
}
