using QuaRot.Checkpoints;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;

namespace QuaRot.Cli.Bench;

/// <summary>All that a benchmark found out; its public properties are the JSON file.</summary>
internal sealed class BenchReport
{
    private readonly List<BenchRow> _rows = [];
    private readonly long _operationsPerToken;

    /// <summary>Describes a model that is loaded, and measures the machine.</summary>
    public BenchReport(ModelConfig config, IModelStage stage, BenchMachine machine, double loadSeconds)
    {
        var query = (long)(config.NumHeads + config.NumKvHeads) * config.HeadDim * 2;
        _operationsPerToken = 2L * config.NumLayers * config.HiddenSize * (query + (3L * config.IntermediateSize));
        (Machine, LoadSeconds) = (machine, loadSeconds);
        Shape = $"{config.NumLayers} layers, hidden {config.HiddenSize}, intermediate {config.IntermediateSize}, "
            + $"{config.NumHeads}/{config.NumKvHeads} heads of {config.HeadDim}, vocabulary {config.VocabSize}";
        WeightBytes = stage.WeightBytes;

        // A step reads a row of the embedding table, and everything else once.
        var isFloat32 = config.Quantization is null;
        StepBytes = WeightBytes - ((long)config.VocabSize * config.HiddenSize * (isFloat32 ? 4 : 2));
        KvBytesPerToken = stage.KvCacheBytes / stage.PageCount / stage.PageSize;
    }

    public BenchMachine Machine { get; }

    public int KernelVersion => Backend.KernelVersion;

    public string Shape { get; }

    public double LoadSeconds { get; }

    public long WeightBytes { get; }

    public long StepBytes { get; }

    public long KvBytesPerToken { get; }

    /// <summary>Bytes of device memory in use by everything on it, after the last measurement; 0 on the CPU.</summary>
    public long DeviceBytes { get; set; }

    public IReadOnlyList<BenchRow> Rows => _rows;

    /// <summary>Counts the linear layers alone: attention and lm_head are no int8 work, but their time is in.</summary>
    public void AddPrefill(int prompt, BenchTiming timing) => Add("prefill", 1, prompt, prompt, timing, "int8 peak",
        prompt * _operationsPerToken / timing.MedianSeconds / Machine.Int8PerSecond);

    public void AddDecode(int batch, int context, BenchTiming timing) => Add("decode", batch, context, batch, timing, "bandwidth",
        (StepBytes + ((long)batch * context * KvBytesPerToken)) / Machine.BytesPerSecond / timing.MedianSeconds);

    private void Add(string phase, int batch, int tokens, int tokensOfRun, BenchTiming timing, string ceiling, double share) =>
        _rows.Add(new BenchRow(phase, batch, tokens, tokensOfRun / timing.MedianSeconds, timing.MedianSeconds * 1e3,
            timing.BestSeconds * 1e3, ceiling, share, timing.OpMilliseconds));
}
