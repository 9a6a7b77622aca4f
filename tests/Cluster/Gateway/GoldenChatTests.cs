using System.Text.Json;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>The unquantized model behind the gateway answers token for token what Hugging Face transformers answers.</summary>
public sealed class GoldenChatTests
{
    [Fact]
    public async Task Prompts_and_chats_give_the_golden_tokens()
    {
        await using var cluster = await ServedCluster.Start(Assets.Lexi, shards: 3);
        foreach (var golden in Assets.Golden.GetProperty("cases").EnumerateArray())
        {
            int[] expected = [.. golden.GetProperty("greedy_ids").EnumerateArray().Select(e => e.GetInt32())];
            var sampling = new SamplingParameters { Temperature = 0, MaxTokens = (uint)expected.Length };
            var answer = golden.TryGetProperty("prompt", out var prompt)
                ? await cluster.Client.Continue(prompt.GetString()!, sampling)
                : await Chat(cluster, golden.GetProperty("chat"), sampling);
            Assert.Equal(expected, answer.Ids);
            Assert.Equal(golden.GetProperty("input_ids").GetArrayLength(), (int)answer.Usage!.PromptTokens);
        }
    }

    // The turns before the last one are played again, so that the golden history arises in the session by itself.
    private static async Task<Answer> Chat(ServedCluster cluster, JsonElement chat, SamplingParameters sampling)
    {
        var session = await cluster.Client.NewSession();
        var messages = chat.EnumerateArray().Select(m => (Role: m.GetProperty("role").GetString(), Content: m.GetProperty("content").GetString()!)).ToArray();
        for (var i = 0; i < messages.Length - 1; i += 2)
        {
            var earlier = await cluster.Client.Ask(session, messages[i].Content);
            Assert.Equal(messages[i + 1].Content, earlier.Text);
        }

        return await cluster.Client.Ask(session, messages[^1].Content, sampling);
    }
}
