using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Tests.Safetensors;

namespace QuaRot.Checkpoints.Tests.HuggingFace;

/// <summary>A Llama of one layer with seeded weights in a chosen type, as the files of a Hugging Face folder.</summary>
internal sealed class TinyModel
{
    public const string Config = """
        {"architectures":["LlamaForCausalLM"],"hidden_size":16,"intermediate_size":24,"num_hidden_layers":1,"num_attention_heads":4,
         "num_key_value_heads":2,"head_dim":4,"vocab_size":32,"rms_norm_eps":1e-5,"max_position_embeddings":64,"hidden_act":"silu",
         "tie_word_embeddings":false,"bos_token_id":1,"eos_token_id":2}
        """;

    public static readonly (string Name, long[] Shape)[] Shapes =
    [
        ("model.embed_tokens.weight", [32, 16]),
        ("model.layers.0.input_layernorm.weight", [16]),
        ("model.layers.0.post_attention_layernorm.weight", [16]),
        ("model.layers.0.self_attn.q_proj.weight", [16, 16]),
        ("model.layers.0.self_attn.k_proj.weight", [8, 16]),
        ("model.layers.0.self_attn.v_proj.weight", [8, 16]),
        ("model.layers.0.self_attn.o_proj.weight", [16, 16]),
        ("model.layers.0.mlp.gate_proj.weight", [24, 16]),
        ("model.layers.0.mlp.up_proj.weight", [24, 16]),
        ("model.layers.0.mlp.down_proj.weight", [16, 24]),
        ("model.norm.weight", [16]),
        ("lm_head.weight", [32, 16]),
    ];

    private string _config = Config;

    /// <summary>The tensors as singles; every value is a multiple of 1/64 in [-1, 1), so that it is exact in all three types.</summary>
    public Dictionary<string, (long[] Shape, float[] Values)> Tensors { get; } = [];

    public TinyModel(int seed = 1)
    {
        var random = new Random(seed);
        foreach (var (name, shape) in Shapes)
        {
            int count = (int)shape.Aggregate(1L, (a, b) => a * b);
            Tensors[name] = (shape, [.. Enumerable.Range(0, count).Select(_ => random.Next(-64, 64) / 64f)]);
        }
    }

    /// <summary>The same with another architecture and the biases that it has.</summary>
    public static TinyModel OfQwen2()
    {
        var model = new TinyModel { _config = Config.Replace("LlamaForCausalLM", "Qwen2ForCausalLM", StringComparison.Ordinal) };
        foreach (var (name, length) in ((string, int)[])[("q", 16), ("k", 8), ("v", 8)])
        {
            float[] values = [.. Enumerable.Range(0, length).Select(i => (i - 5) / 16f)];
            model.Tensors[$"model.layers.0.self_attn.{name}_proj.bias"] = ([length], values);
        }

        return model;
    }

    public void Save(TemporaryFolder folder, string dtype)
    {
        folder.Write("config.json", _config);
        File.WriteAllBytes(folder.File("model.safetensors"),
            SafetensorsBytes.Valid([.. Tensors.Select(t => (t.Key, dtype, t.Value.Shape, Encode(t.Value.Values, dtype)))]));
    }

    private static byte[] Encode(float[] values, string dtype) => dtype switch
    {
        "F32" => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
        "F16" => [.. values.SelectMany(v => BitConverter.GetBytes((Half)v))],
        "BF16" => [.. values.SelectMany(v => BitConverter.GetBytes(v)[2..])],
        _ => new byte[values.Length],
    };
}
