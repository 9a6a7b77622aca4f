using QuaRot.Checkpoints;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Cli.Commands;
using QuaRot.Engine.Calibration;
using QuaRot.Engine.Evaluation.Table;

namespace QuaRot.Cli.Evaluation;

/// <summary>The weight quantizers that <c>eval --table</c> can compare, by name. A new one is a new entry here.</summary>
internal static class RowQuantizers
{
    // Made for the device that a calibration runs on.
    private static readonly Dictionary<string, Func<string, RowQuantizer>> ByName = new()
    {
        ["rtn"] = _ => (source, destination, options, _, cancellation) => CheckpointQuantizer.Run(source, destination, options, cancellation: cancellation),
        ["gptq"] = device => Calibrated(device, CalibrationArguments.Full),
        ["gptq-paper"] = device => Calibrated(device, CalibrationArguments.Paper),
    };

    public static IReadOnlyList<string> Names { get; } = [.. ByName.Keys];

    /// <summary>Those of the paper's tables.</summary>
    public static IReadOnlyList<string> Default { get; } = ["rtn", "gptq"];

    /// <summary>Reads a list such as <c>rtn,gptq</c>.</summary>
    /// <exception cref="CommandException">A name is not known.</exception>
    public static IReadOnlyList<string> Parse(string list)
    {
        var names = list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var unknown = names.FirstOrDefault(name => !ByName.ContainsKey(name));
        return unknown is null && names.Length > 0
            ? names : throw new CommandException($"--methods: there is no '{unknown ?? list}'; there are {string.Join(", ", Names)}");
    }

    /// <summary>Quantizes by the row's method, calibrating on a device; rows whose weights stay 16 bits name no method.</summary>
    public static RowQuantizer On(string device) => (source, destination, options, method, cancellation) =>
        ByName[method.Length == 0 ? "rtn" : method](device)(source, destination, options, method, cancellation);

    private static RowQuantizer Calibrated(string device, CalibrationOptions recipe) => (source, destination, options, _, cancellation) =>
    {
        var calibration = recipe with { SearchClips = recipe.SearchClips && options.ActivationGroupSize == 0 };
        using var calibrated = CalibrationArguments.Create(source, CalibrationArguments.DefaultText, calibration, device);
        CheckpointQuantizer.Run(
            source, destination, options with { WeightMethod = WeightMethod.Gptq }, cancellation: cancellation, calibrated: calibrated);
    };
}
