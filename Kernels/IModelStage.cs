using QuaRot.Kernels.Sampling;

namespace QuaRot.Kernels;

/// <summary>A layer range of a model with its slice of the paged KV cache, on one device. The unit of work of a shard.</summary>
/// <remarks>Not thread-safe: one device thread calls it. The first stage embeds, the last one computes logits and samples.</remarks>
public interface IModelStage : IDisposable
{
    /// <summary>The layers of this stage.</summary>
    LayerRange Layers { get; }

    /// <summary>True when the stage starts at layer 0 and therefore embeds the token ids.</summary>
    bool IsFirst { get; }

    /// <summary>True when the stage ends with the last layer and therefore computes logits.</summary>
    bool IsLast { get; }

    /// <summary>Positions in a KV page.</summary>
    int PageSize { get; }

    /// <summary>Pages in this stage's KV cache; ids 0 to PageCount - 1.</summary>
    int PageCount { get; }

    /// <summary>Width of the residual stream.</summary>
    int HiddenSize { get; }

    /// <summary>What it computes on, by a name that is unique in the process: "cpu", "gpu 1".</summary>
    string DeviceName { get; }

    /// <summary>Bytes of weights that this stage keeps resident.</summary>
    long WeightBytes { get; }

    /// <summary>Bytes of this stage's KV cache (all pages).</summary>
    long KvCacheBytes { get; }

    /// <summary>Identifies the arithmetic: backend, architecture, kernel version and checkpoint hash.</summary>
    string NumericsId { get; }

    /// <summary>Runs the batch and writes its keys and values to the KV cache.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="input">[rows, hidden] of the stage before; null for the first stage. Stays the caller's to dispose.</param>
    /// <returns>[rows, hidden] for the next stage, or logits [output rows, vocab] from the last stage.</returns>
    Activations Forward(ForwardBatch batch, Activations? input);

    /// <summary>Makes activations of this backend from host values, [rows, hidden] row-major.</summary>
    Activations Import(ReadOnlySpan<float> values, int rows);

    /// <summary>Copies what is stored for one position: elements, scales and minima of K and of V, all heads.</summary>
    /// <param name="layer">Layer of the model.</param>
    /// <param name="page">Page id.</param>
    /// <param name="slot">Position in the page.</param>
    byte[] CopyKvBytes(int layer, int page, int slot);

    /// <summary>Samples one token for each row of <paramref name="logits"/>; last stage only.</summary>
    SampledToken[] Sample(Activations logits, IReadOnlyList<SamplingRow> rows);

    /// <summary>Steps that one call of <see cref="Decode"/> takes faster than as many calls; 1 where it makes no difference.</summary>
    int StepsAtOnce => 1;

    /// <summary>Decodes several tokens of each sequence, every token the input of the next step; for the first stage of a model.</summary>
    /// <param name="batch">One row of each sequence, every one an output row; the block tables hold the positions of all steps.</param>
    /// <param name="rows">How to sample the first step's tokens; each later step's position is one higher. No repetition penalty: it depends on the
    /// tokens between.</param>
    /// <param name="steps">At least 1.</param>
    /// <param name="following">The model's other stages in layer order, which nobody else calls meanwhile; none where this stage is the whole model.</param>
    /// <returns>[steps][rows] tokens. The last step is the first in which a row could not be sampled; there may be fewer steps than asked for.</returns>
    SampledToken[][] Decode(ForwardBatch batch, IReadOnlyList<SamplingRow> rows, int steps, params IReadOnlyList<IModelStage> following) =>
        DecodeSteps.OneByOne([this, .. following], batch, rows, steps);
}
