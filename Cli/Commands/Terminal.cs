using Spectre.Console;

namespace QuaRot.Cli.Commands;

/// <summary>Where commands draw tables and progress: with colours on a terminal, as plain text into a file or pipe.</summary>
internal static class Terminal
{
    public static IAnsiConsole Out { get; } = Console.IsOutputRedirected
        ? AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No })
        : AnsiConsole.Console;
}
