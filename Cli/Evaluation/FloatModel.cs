using QuaRot.Checkpoints;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Cli.Commands;

namespace QuaRot.Cli.Evaluation;

/// <summary>Models where an unquantized one is needed.</summary>
internal static class FloatModel
{
    /// <summary>Opens the folder.</summary>
    /// <param name="folder">A Hugging Face folder.</param>
    /// <param name="what">The argument or option that named it, for the message.</param>
    /// <exception cref="CommandException">It is quantized.</exception>
    public static HuggingFaceCheckpoint Open(string folder, string what) =>
        ModelConfigReader.Read(Path.Combine(folder, "config.json")).Quantization is { } q
            ? throw new CommandException($"{what}: {folder} is quantized already ({Label(q)}); the unquantized model is needed")
            : HuggingFaceCheckpoint.Open(folder);

    /// <summary>W4A4K4V4 and the like; null is 16 bits throughout.</summary>
    public static string Label(QuantizationConfig? q) =>
        q is null ? "16/16/16/16" : $"W{q.WeightBits}A{q.ActivationBits}K{q.KeyBits}V{q.ValueBits}";
}
