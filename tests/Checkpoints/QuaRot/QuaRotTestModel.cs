using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Checkpoints.Tests.QuaRot;

/// <summary>
/// A Hugging Face folder of a tiny Llama that can be rotated: hidden 32, FFN 48, 4 heads of 8, 2 KV heads, 2 layers, 24 tokens, tied.
/// </summary>
internal static class QuaRotTestModel
{
    public const string Config = """
        {
          "architectures": ["LlamaForCausalLM"], "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 24,
          "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
          "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": [2, 3],
          "comment": "Grüße <b>"
        }
        """;

    public static void Save(string folder, int seed = 1, Action<string, float[]>? change = null)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config);
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), "{\"tokens\":[]}");
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), "{}");
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), "{{ messages }}");
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), "{}");
        File.WriteAllText(Path.Combine(folder, "training-notes.txt"), "not part of the model");
        var random = new Random(seed);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. Shapes().Select(entry =>
        {
            var values = new float[entry.Shape.Aggregate(1L, (a, b) => a * b)];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)(entry.Shape.Length == 1 ? 0.5 + random.NextDouble() : (random.NextDouble() - 0.5) * 0.2);
            }

            change?.Invoke(entry.Name, values);
            return new SafetensorsTensor(entry.Name, TensorTypes.F32, entry.Shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        })]);
    }

    private static IEnumerable<(string Name, long[] Shape)> Shapes()
    {
        yield return ("model.embed_tokens.weight", [24, 32]);
        yield return ("model.norm.weight", [32]);
        for (int layer = 0; layer < 2; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            yield return (prefix + "input_layernorm.weight", [32]);
            yield return (prefix + "post_attention_layernorm.weight", [32]);
            yield return (prefix + "self_attn.q_proj.weight", [32, 32]);
            yield return (prefix + "self_attn.k_proj.weight", [16, 32]);
            yield return (prefix + "self_attn.v_proj.weight", [16, 32]);
            yield return (prefix + "self_attn.o_proj.weight", [32, 32]);
            yield return (prefix + "mlp.gate_proj.weight", [48, 32]);
            yield return (prefix + "mlp.up_proj.weight", [48, 32]);
            yield return (prefix + "mlp.down_proj.weight", [32, 48]);
        }
    }
}
