using QuaRot.Checkpoints;
using QuaRot.Kernels;
using QuaRot.Kernels.Backends;
using QuaRot.Kernels.Forward;

namespace QuaRot.Engine.Inspection;

/// <summary>Activations of a model on a text, layer by layer and site by site.</summary>
public sealed class ModelProfile
{
    private const int ChunkRows = 256;

    private readonly SiteProfile[,] _sites;

    private ModelProfile(ModelConfig config, int mappedTokens)
    {
        Layers = config.NumLayers;
        _sites = new SiteProfile[Layers, Sites.Length];
        for (var layer = 0; layer < Layers; layer++)
        {
            foreach (var site in Sites)
                _sites[layer, (int)site] = Profile(config, site, mappedTokens);
        }
    }

    /// <summary>All sites.</summary>
    public static InspectedSite[] Sites { get; } = Enum.GetValues<InspectedSite>();

    /// <summary>Decoder layers.</summary>
    public int Layers { get; }

    /// <summary>Runs a text through a model whose activations and cache are not quantized, and looks at them.</summary>
    /// <param name="checkpoint">A float model, rotated or not.</param>
    /// <param name="tokens">Token ids, begin-of-text first; at most the model's context.</param>
    /// <param name="mappedTokens">Tokens to keep for a plot.</param>
    /// <param name="backend">Computes; stays the caller's.</param>
    /// <param name="progress">Told the number of tokens done.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    /// <exception cref="CheckpointException">The model is broken.</exception>
    /// <exception cref="InvalidDataException">An activation is not finite; names layer and site.</exception>
    public static ModelProfile Measure(
        ICheckpoint checkpoint, int[] tokens, int mappedTokens, Backend backend, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        var profile = new ModelProfile(checkpoint.Config, mappedTokens);
        var watched = new WatchedBackend(backend, profile.Add);
        var pages = KvLayout.PagesFor(tokens.Length);
        using var stage = ModelStage.Load(checkpoint, new LayerRange(0, profile.Layers), watched, pages);
        for (var start = 0; start < tokens.Length; start += ChunkRows)
        {
            cancellation.ThrowIfCancellationRequested();
            var rows = Math.Min(ChunkRows, tokens.Length - start);
            watched.Begin();
            stage.Forward(
                new ForwardBatch
                {
                    TokenIds = tokens[start..(start + rows)],
                    Positions = [.. Enumerable.Range(start, rows)],
                    SequenceOfRow = new int[rows],
                    BlockTables = [[.. Enumerable.Range(0, pages)]],
                    OutputRows = [],
                },
                null).Dispose();
            progress?.Invoke(start + rows);
        }

        return profile;
    }

    /// <summary>The figures of a layer's site.</summary>
    public SiteFigures Figures(int layer, InspectedSite site) => _sites[layer, (int)site].Figures;

    /// <summary>Magnitudes [tokens][channels] of a layer's site; a channel may stand for the largest of several.</summary>
    public IReadOnlyList<float[]> Map(int layer, InspectedSite site) => _sites[layer, (int)site].Map;

    private void Add(int layer, InspectedSite site, float[] values) => _sites[layer, (int)site].Add(values, site, layer);

    private static SiteProfile Profile(ModelConfig config, InspectedSite site, int mappedTokens)
    {
        var width = site switch
        {
            InspectedSite.AttentionInput or InspectedSite.MlpInput => config.HiddenSize,
            InspectedSite.OutputInput => config.NumHeads * config.HeadDim,
            InspectedSite.DownInput => config.IntermediateSize,
            _ => config.NumKvHeads * config.HeadDim,
        };
        return new SiteProfile(width, site is InspectedSite.Key or InspectedSite.Value ? config.HeadDim : width, mappedTokens);
    }
}
