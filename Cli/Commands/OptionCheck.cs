using System.CommandLine;

namespace QuaRot.Cli.Commands;

/// <summary>Checks of numbers that were given as options.</summary>
internal static class OptionCheck
{
    /// <exception cref="CommandException">The value is smaller; says which option, its value and the least.</exception>
    public static void AtLeast(Option option, int value, int least)
    {
        if (value < least)
            throw new CommandException($"{option.Name}: is {value}; must be at least {least}");
    }
}
