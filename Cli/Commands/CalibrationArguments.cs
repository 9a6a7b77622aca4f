using System.CommandLine;
using System.Globalization;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.HuggingFace;
using QuaRot.Checkpoints.Tokenizers;
using QuaRot.Engine.Calibration;
using QuaRot.Kernels.Backends;

namespace QuaRot.Cli.Commands;

/// <summary>The options of <c>quantize</c> that say how weights are rounded and on which text.</summary>
internal sealed class CalibrationArguments
{
    /// <summary>The text that goes with the program.</summary>
    internal static readonly string DefaultText = Path.Combine(AppContext.BaseDirectory, "assets", "calib.txt");

    /// <summary>All steps of ADR 16.</summary>
    internal static readonly CalibrationOptions Full = new();

    /// <summary>As many tokens as the paper's code takes (128 sequences of 2048), in windows of the length on which perplexity is measured.</summary>
    internal static readonly CalibrationOptions Paper = (Full with { Samples = 256 }).AsInThePaper();

    private readonly Option<string> _weights = new("--weights") { Description = "rtn: to the nearest code, from the weights alone; gptq: for the inputs that a calibration text shows", DefaultValueFactory = _ => "rtn" };
    private readonly Option<FileInfo?> _text = new("--calib") { Description = "UTF-8 text to calibrate on (gptq); by default the one that goes with the program" };
    private readonly Option<int?> _samples = new("--calib-samples") { Description = $"Sequences to calibrate on; by default {Full.Samples}, or {Paper.Samples} with the paper's recipe" };
    private readonly Option<int> _length = new("--calib-length") { Description = "Tokens of a calibration sequence", DefaultValueFactory = _ => Full.Length };
    private readonly Option<string> _recipe = new("--recipe") { Description = "full: all steps of ADR 16; paper: GPTQ as in QuaRot's paper", DefaultValueFactory = _ => "full" };
    private readonly Option<string> _inputs = new("--calib-inputs") { Description = "quantized or float: what GPTQ's Hessians are made of; by default the recipe's" };
    private readonly Option<double> _damping = new("--damping") { Description = "Share of the Hessian's mean diagonal that is added to it", DefaultValueFactory = _ => Full.Damping };
    private readonly Option<bool?> _order = new("--act-order") { Description = "Round the columns with the largest inputs first; by default as the recipe does: full true, paper false" };
    private readonly Option<string> _clip = new("--activation-clip") { Description = "Ratio by which a token's largest activation is clipped, or auto: searched for each layer and site (gptq, full recipe; elsewhere 0.9)", DefaultValueFactory = _ => "auto" };
    private readonly Option<string> _device = DeviceOption.Create();

    public CalibrationArguments()
    {
        _weights.AcceptOnlyFromAmong("rtn", "gptq");
        _recipe.AcceptOnlyFromAmong("full", "paper");
        _inputs.AcceptOnlyFromAmong("quantized", "float");
    }

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_weights, _text, _samples, _length, _recipe, _inputs, _damping, _order, _clip, _device])
            command.Options.Add(option);
    }

    public WeightMethod Method(ParseResult args) => args.GetValue(_weights) == "gptq" ? WeightMethod.Gptq : WeightMethod.Rtn;

    /// <summary>The one ratio for all sites, where none is searched.</summary>
    /// <exception cref="CommandException">It is neither a number nor "auto".</exception>
    public float ActivationClip(ParseResult args) => args.GetRequiredValue(_clip) switch
    {
        "auto" => new QuantizationConfig().ActivationClip,
        var text when float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) => ratio,
        var text => throw new CommandException($"--activation-clip: is {text}; must be a number above 0 and at most 1, or auto"),
    };

    /// <summary>The calibration over the text; null for round-to-nearest.</summary>
    /// <exception cref="CommandException">The text is missing or too short, or an option is out of range.</exception>
    /// <exception cref="CheckpointException">The source is broken, or quantized already.</exception>
    public CalibratedQuantizer? Create(ParseResult args, string source)
    {
        if (Method(args) == WeightMethod.Rtn)
            return null;
        return Create(source, args.GetValue(_text)?.FullName ?? DefaultText, Options(args), DeviceOption.Read(args, _device));
    }

    /// <summary>The calibration of a model over a text.</summary>
    /// <exception cref="CommandException">The text is missing or too short.</exception>
    /// <exception cref="CheckpointException">The source is broken, or quantized already.</exception>
    public static CalibratedQuantizer Create(string source, string file, CalibrationOptions options, string device)
    {
        if (!File.Exists(file))
            throw new CommandException($"--calib: {file}: there is no such file");
        ModelConfig config;
        using (var checkpoint = HuggingFaceCheckpoint.Open(source))
            config = checkpoint.Config;
        var tokenizer = Tokenizer.Load(source);
        var tokens = tokenizer.Encode(File.ReadAllText(file), addBos: tokenizer.BosTokenId is not null, parseSpecial: false);
        IReadOnlyList<int[]> sequences;
        try
        {
            sequences = CalibrationText.Cut(tokens, config, options);
        }
        catch (ArgumentException e)
        {
            // What is wrong with the text is known below, which text it is here.
            throw new CommandException($"--calib: {file}: {e.Message}");
        }

        return new CalibratedQuantizer(BackendRegistry.Create(device), sequences, options);
    }

    private CalibrationOptions Options(ParseResult args)
    {
        var damping = args.GetValue(_damping);
        if (!(damping > 0 && damping <= 1))
            throw new CommandException($"--damping: is {damping}; must be above 0 and at most 1");
        var recipe = args.GetValue(_recipe) == "paper" ? Paper : Full;
        return recipe with
        {
            Samples = args.GetValue(_samples) ?? recipe.Samples,
            Length = args.GetValue(_length),
            Damping = damping,
            OrderByActivation = args.GetValue(_order) ?? recipe.OrderByActivation,
            SearchClips = recipe.SearchClips && args.GetRequiredValue(_clip) == "auto",
            QuantizedInputs = args.GetValue(_inputs) is { } inputs ? inputs == "quantized" : recipe.QuantizedInputs,
        };
    }
}
