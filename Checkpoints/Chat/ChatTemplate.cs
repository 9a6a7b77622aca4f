using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Checkpoints.Chat;

/// <summary>
/// How a checkpoint wants conversations written. Known templates are implemented here and recognised by their exact text.
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

    /// <summary>
    /// Picks the template of a checkpoint folder by chat_template.jinja or, without that, tokenizer_config.json's <c>chat_template</c>.
    /// </summary>
    /// <exception cref="CheckpointException">There is no template, it cannot be read, or it is none of the known ones.</exception>
    public static ChatTemplate Load(string folder)
    {
        var (file, text, bos) = ChatTemplateFile.Read(folder);
        return LexiTemplate.Recognises(text)
            ? new LexiTemplate(bos)
            : throw new CheckpointException(file, $"the chat template is not known; known: {LexiTemplate.TemplateName}");
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
