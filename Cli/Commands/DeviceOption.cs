using System.CommandLine;
using QuaRot.Kernels.Backends;

namespace QuaRot.Cli.Commands;

/// <summary><c>--device</c>, for the commands that compute.</summary>
internal static class DeviceOption
{
    public static Option<string> Create() => new("--device", "--backend")
    {
        Description = "cpu, gpu, auto (the GPU where there is one), or reference (plain loops, slow)",
        DefaultValueFactory = _ => "auto",
    };

    /// <summary>The backend's name, <c>auto</c> resolved.</summary>
    /// <exception cref="CommandException">There is none of that name.</exception>
    public static string Read(ParseResult args, Option<string> option)
    {
        var name = args.GetRequiredValue(option);
        return BackendRegistry.Names.Contains(name)
            ? BackendRegistry.Resolve(name).Name
            : throw new CommandException($"--device: there is no '{name}'; there are {string.Join(", ", BackendRegistry.Names)}");
    }
}
