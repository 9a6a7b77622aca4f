namespace QuaRot.Cli.Commands;

/// <summary>A command cannot do what it was asked; the message is for the user.</summary>
public sealed class CommandException(string message, Exception? inner = null) : Exception(message, inner);
