using QuaRot.Checkpoints.QuaRot;
using QuaRot.Cli.Commands;
using QuaRot.Engine.Evaluation.Table;

namespace QuaRot.Cli.Evaluation;

/// <summary>The weight quantizers that <c>eval --table</c> can compare, by name. A new one is a new entry here.</summary>
internal static class RowQuantizers
{
    private static readonly Dictionary<string, RowQuantizer> ByName = new()
    {
        ["rtn"] = (source, destination, options, _, cancellation) => CheckpointQuantizer.Run(source, destination, options, cancellation: cancellation),
    };

    public static IReadOnlyList<string> Names { get; } = [.. ByName.Keys];

    /// <summary>Reads a list such as <c>rtn,gptq</c>.</summary>
    /// <exception cref="CommandException">A name is not known.</exception>
    public static IReadOnlyList<string> Parse(string list)
    {
        var names = list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var unknown = names.FirstOrDefault(name => !ByName.ContainsKey(name));
        return unknown is null && names.Length > 0
            ? names : throw new CommandException($"--methods: there is no '{unknown ?? list}'; there are {string.Join(", ", Names)}");
    }

    /// <summary>Quantizes by the row's method; rows whose weights stay 16 bits name none.</summary>
    public static void Quantize(string source, string destination, QuaRot.Checkpoints.QuantizationConfig options, string method, CancellationToken cancellation) =>
        ByName[method.Length == 0 ? "rtn" : method](source, destination, options, method, cancellation);
}
