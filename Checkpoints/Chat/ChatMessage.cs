namespace QuaRot.Checkpoints.Chat;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks, for example <c>user</c>; which roles there are is up to the template.</param>
/// <param name="Content">What is said; control tokens in it are plain text.</param>
public sealed record ChatMessage(string Role, string Content);
