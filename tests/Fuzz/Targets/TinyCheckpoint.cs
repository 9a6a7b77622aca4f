using System.Runtime.InteropServices;
using QuaRot.Checkpoints.Safetensors;

namespace QuaRot.Fuzz.Tests.Targets;

/// <summary>The smallest checkpoint that can be quantized, and a tokenizer of 300 tokens with merges.</summary>
internal static class TinyCheckpoint
{
    private const string Config = """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":32,"intermediate_size":48,"num_hidden_layers":1,
         "num_attention_heads":4,"num_key_value_heads":2,"head_dim":8,"vocab_size":24,"rms_norm_eps":1e-5,"max_position_embeddings":64,
         "hidden_act":"silu","rope_theta":10000.0,"rope_scaling":null,"tie_word_embeddings":true,"bos_token_id":1,"eos_token_id":[2,3],
         "attention_bias":false,"torch_dtype":"float32"}
        """;

    public static void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"eos_token_id":[2,3],"bos_token_id":1}""");
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), "{}");
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. Tensors()]);
    }

    private static IEnumerable<SafetensorsTensor> Tensors()
    {
        const string layer = "model.layers.0.";
        yield return Tensor("model.embed_tokens.weight", 24, 32);
        yield return Tensor("model.norm.weight", 32);
        yield return Tensor(layer + "input_layernorm.weight", 32);
        yield return Tensor(layer + "post_attention_layernorm.weight", 32);
        yield return Tensor(layer + "self_attn.q_proj.weight", 32, 32);
        yield return Tensor(layer + "self_attn.k_proj.weight", 16, 32);
        yield return Tensor(layer + "self_attn.v_proj.weight", 16, 32);
        yield return Tensor(layer + "self_attn.o_proj.weight", 32, 32);
        yield return Tensor(layer + "mlp.gate_proj.weight", 48, 32);
        yield return Tensor(layer + "mlp.up_proj.weight", 48, 32);
        yield return Tensor(layer + "mlp.down_proj.weight", 32, 48);
    }

    private static SafetensorsTensor Tensor(string name, params long[] shape)
    {
        var random = new Random(name.Length);
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (var i = 0; i < values.Length; i++)
            values[i] = random.NextSingle() + 0.1f;
        return new SafetensorsTensor(name, TensorTypes.F32, shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }
}
