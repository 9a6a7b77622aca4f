using System.Globalization;
using System.Text;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.V1;
using QuaRot.Gateway.Services;

namespace QuaRot.Gateway.Validation;

/// <summary>Checks everything that can be checked without a session, and tokenizes prompts.</summary>
internal sealed class RequestValidator(ServedModelInfo model)
{
    private const int MaxSessionIdLength = 64;
    private const int MaxRoleLength = 32;

    // No token of the tokenizers we read covers more than 256 bytes, so a longer text cannot fit and is refused before any work.
    private readonly long _maxTextBytes = (long)model.MaxContext * 256;

    public GenerateTurn Generate(GenerateRequest request)
    {
        var sampling = SamplingValidator.Check(request.Sampling, model.Config.VocabSize);
        var prompt = request.InputCase switch
        {
            GenerateRequest.InputOneofCase.Prompt => Prompt("prompt", request.Prompt),
            GenerateRequest.InputOneofCase.TokenIds => Prompt("token_ids.ids", request.TokenIds.Ids),
            _ => throw Field.Invalid("prompt", "neither prompt nor token_ids is set"),
        };
        return new GenerateTurn(prompt, sampling);
    }

    /// <summary>Tokenizes a prompt, with the begin-of-text token in front where the model has one.</summary>
    public int[] Prompt(string field, string text) =>
        LeavingRoom(field, model.Tokenizer.Encode(Text(field, text), model.Tokenizer.BosTokenId is not null, false));

    /// <summary>Takes a prompt of token ids as it is.</summary>
    public int[] Prompt(string field, IReadOnlyList<uint> ids) => LeavingRoom(field, Ids(field, ids));

    public ChatTurn Chat(ChatRequest request)
    {
        SessionId(request.SessionId);
        var sampling = SamplingValidator.Check(request.Sampling, model.Config.VocabSize);
        if (request.Messages.Count == 0)
            throw Field.Invalid("messages", "is empty");
        var messages = new Message[request.Messages.Count];
        for (var i = 0; i < messages.Length; i++)
        {
            var m = request.Messages[i];
            if (m.Role.Length == 0)
                throw Field.Invalid($"messages[{i}].role", "is empty");
            if (m.Role.Length > MaxRoleLength)
                throw Field.Invalid($"messages[{i}].role", $"is longer than {MaxRoleLength} characters");
            messages[i] = new Message(m.Role, Text($"messages[{i}].content", m.Content));
        }

        if (messages[^1].Role != "user")
            throw Field.Invalid($"messages[{messages.Length - 1}].role", $"is '{messages[^1].Role}'; the last message must be of role 'user'");
        return new ChatTurn(messages, sampling);
    }

    public static string SessionId(string id)
    {
        if (id.Length == 0)
            throw Field.Invalid("session_id", "is empty");
        if (id.Length > MaxSessionIdLength || !id.All(char.IsAsciiLetterOrDigit))
            throw Field.Invalid("session_id", "is not a session id");
        return id;
    }

    public static long PageToken(string token)
    {
        if (token.Length == 0)
            return 0;
        return long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : throw Field.Invalid("page_token", "is not a token that ListSessions gave");
    }

    public string Text(string field, string text)
    {
        if (text.Length == 0)
            throw Field.Invalid(field, "is empty");
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > _maxTextBytes)
            throw Field.Invalid(field, $"has {bytes} bytes; {_maxTextBytes} are the most that a context of {model.MaxContext} tokens can take");
        return text;
    }

    public int[] Ids(string field, IReadOnlyList<uint> ids)
    {
        var result = new int[ids.Count];
        for (var i = 0; i < result.Length; i++)
        {
            if (ids[i] >= model.Config.VocabSize)
                throw Field.Invalid($"{field}[{i}]", $"is {ids[i]}; the vocabulary has {model.Config.VocabSize} tokens");
            result[i] = (int)ids[i];
        }

        return result;
    }

    private int[] LeavingRoom(string field, int[] prompt)
    {
        if (prompt.Length == 0)
            throw Field.Invalid(field, "is empty");
        var tooMany = prompt.Length - model.MaxContext + 1;
        return tooMany <= 0 ? prompt : throw Field.Invalid(field,
            $"{prompt.Length} tokens leave no room for an answer in the context of {model.MaxContext}: {tooMany} too many");
    }
}
