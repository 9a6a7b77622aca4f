using QuaRot.Checkpoints;
using QuaRot.Kernels.Backends;

namespace QuaRot.Kernels.Forward;

/// <summary>The intermediate buffers of a forward pass, for up to <see cref="Rows"/> rows; shared by all layers of a stage.</summary>
internal sealed class Workspace : IDisposable
{
    public Workspace(Backend backend, ModelConfig config, int rows)
    {
        Rows = rows;
        var (query, kv) = ((long)rows * config.NumHeads * config.HeadDim, (long)rows * config.NumKvHeads * config.HeadDim);
        X = backend.AllocateFloats((long)rows * config.HiddenSize);
        H = backend.AllocateFloats((long)rows * config.HiddenSize);
        Q = backend.AllocateFloats(query);
        K = backend.AllocateFloats(kv);
        V = backend.AllocateFloats(kv);
        O = backend.AllocateFloats(query);
        Gate = backend.AllocateFloats((long)rows * config.IntermediateSize);
        Up = backend.AllocateFloats((long)rows * config.IntermediateSize);
        var widest = Math.Max(Math.Max(config.HiddenSize, config.IntermediateSize), config.NumHeads * config.HeadDim);
        Quantized = backend.AllocateRows(rows, widest);
    }

    /// <summary>Capacity in rows.</summary>
    public int Rows { get; }

    /// <summary>[rows, hidden] residual stream.</summary>
    public FloatBuffer X { get; }

    /// <summary>[rows, hidden] after a norm.</summary>
    public FloatBuffer H { get; }

    /// <summary>[rows, heads, head_dim]</summary>
    public FloatBuffer Q { get; }

    /// <summary>[rows, kv_heads, head_dim]</summary>
    public FloatBuffer K { get; }

    /// <summary>[rows, kv_heads, head_dim]</summary>
    public FloatBuffer V { get; }

    /// <summary>[rows, heads, head_dim] attention output.</summary>
    public FloatBuffer O { get; }

    /// <summary>[rows, intermediate]</summary>
    public FloatBuffer Gate { get; }

    /// <summary>[rows, intermediate]</summary>
    public FloatBuffer Up { get; }

    /// <summary>The quantized input of the next GEMM.</summary>
    public QuantizedRows Quantized { get; }

    public void Dispose()
    {
        foreach (var buffer in (FloatBuffer[])[X, H, Q, K, V, O, Gate, Up])
        {
            buffer.Dispose();
        }

        Quantized.Dispose();
    }
}
