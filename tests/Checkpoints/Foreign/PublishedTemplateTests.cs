using System.Text.Json;
using QuaRot.Checkpoints.Chat;
using QuaRot.Checkpoints.Tokenizers;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Foreign;

/// <summary>Chat templates as Jinja renders them, whole and continued.</summary>
public sealed class PublishedTemplateTests : IDisposable
{
    private const string ChatMl = "{% for message in messages %}DEFAULT{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
        + "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    private const string Qwen2Default = "{% if loop.first and messages[0]['role'] != 'system' %}"
        + "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}";
    private const string Llama2 = "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system_message = messages[0]['content'] %}"
        + "{% else %}{% set rest = messages %}{% set system_message = false %}{% endif %}{% for message in rest %}"
        + "{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
        + "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
        + "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% else %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}";
    private const string MistralV1 = "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
        + "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}";
    private const string MistralV1Later = "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}"
        + "{%- set rest = messages[1:] %}{%- else %}{%- set rest = messages %}{%- endif %}{{- bos_token }}{%- for message in rest %}"
        + "{%- if message['role'] == 'user' %}{%- if loop.first and system_message is defined %}"
        + "{{- '[INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}{%- else %}{{- '[INST] ' + message['content'] + ' [/INST]' }}"
        + "{%- endif %}{%- else %}{{- ' ' + message['content'] + eos_token }}{%- endif %}{%- endfor %}";
    private const string MistralV3 = "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}"
        + "{%- set rest = messages[1:] %}{%- else %}{%- set rest = messages %}{%- endif %}{{- bos_token }}{%- for message in rest %}"
        + "{%- if message['role'] == 'user' %}{%- if loop.last and system_message is defined %}"
        + "{{- '[INST] ' + system_message + '\\n\\n' + message['content'] + '[/INST]' }}{%- else %}{{- '[INST] ' + message['content'] + '[/INST]' }}"
        + "{%- endif %}{%- else %}{{- ' ' + message['content'] + eos_token }}{%- endif %}{%- endfor %}";
    private const string Zephyr = "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
        + "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n"
        + "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n"
        + "{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}";
    private readonly TemporaryFolder _folder = new();

    /// <summary>Name, package of the tokenizer, template (null: the package's own), bos, eos, whether there is a system role.</summary>
    public static TheoryData<string, string, string?, string, string, bool> Templates => new()
    {
        { "chatml", "qwen3", ChatMl.Replace("DEFAULT", ""), "", "<|im_end|>", true },
        { "qwen2", "qwen3", ChatMl.Replace("DEFAULT", Qwen2Default), "", "<|im_end|>", true },
        { "qwen3", "qwen3", null, "", "<|im_end|>", true },
        { "llama-3", "llama3", null, "<|begin_of_text|>", "<|eot_id|>", true },
        { "llama-2", "llama2", Llama2, "<s>", "</s>", true },
        { "mistral-v1", "llama2", MistralV1, "<s>", "</s>", false },
        { "mistral-v1", "llama2", MistralV1Later, "<s>", "</s>", true },
        { "mistral-v3", "llama2", MistralV3, "<s>", "</s>", true },
        { "zephyr", "llama2", Zephyr, "<s>", "</s>", true },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Templates))]
    public async Task Conversations_equal_what_Jinja_and_the_JavaScript_library_make(
        string name, string package, string? text, string bos, string eos, bool system)
    {
        var tokenizer = Tokenizer.Load(HuggingFaceOracle.Model(package));
        var template = text is null ? ChatTemplate.Load(HuggingFaceOracle.Model(package)) : Write(text, bos, eos);
        Assert.Equal(name, template.Name);
        Assert.Equal(eos, template.EndToken);
        HuggingFaceOracle.Turn[] turns =
            [new("user", "Hi, wer bist du? 🦙"), new("assistant", "I am\n  a model."), new("user", "  2+2 = ?\n"), new("assistant", "4"), new("user", "Why")];
        HuggingFaceOracle.Turn[][] chats = [turns[..1], turns[..3], turns];
        if (system)
            chats = [.. chats, .. chats.Select(c => (HuggingFaceOracle.Turn[])[new("system", "Be brief."), .. c])];

        var answer = await HuggingFaceOracle.Ask(package, [], [.. chats.Select(c => new HuggingFaceOracle.Chat(text, bos, eos, c, true))]);
        for (int i = 0; i < chats.Length; i++)
        {
            ChatMessage[] messages = [.. chats[i].Select(t => new ChatMessage(t.Role, t.Content))];
            var whole = template.Render(messages, addGenerationPrompt: true);
            Assert.Equal(answer.Chats[i].Text, string.Concat(whole.Select(s => s.Text)));
            int[] ids = tokenizer.Encode(whole);
            Assert.Equal(answer.Chats[i].Ids, ids);
            // A system prompt that moves to the last question cannot be continued into the same ids.
            if (messages.Length < 3 || (name == "mistral-v3" && messages[0].Role == "system"))
                continue;
            int end = tokenizer.IdOf(eos)!.Value;
            // The last answer's end; the last user message has one of its own where every message does.
            int[] ends = [.. Enumerable.Range(0, ids.Length).Where(n => ids[n] == end)];
            int cut = name is "llama-2" or "mistral-v1" or "mistral-v3" ? ends[^1] : ends[^2];
            Assert.Equal(ids, (int[])[.. ids[..(cut + 1)], .. tokenizer.Encode(template.RenderContinuation([messages[^1]], true), continues: true)]);
            Assert.Equal(ids, (int[])[.. ids[..cut], .. tokenizer.Encode(template.RenderContinuation([messages[^1]], false), continues: true)]);
        }
    }

    [Fact]
    public void Llama_3_1_always_has_a_system_message_with_its_date()
    {
        var template = Write("{{- bos_token }}{%- set date_string = \"01 Jan 2025\" %}<|start_header_id|>system<|end_header_id|>\\n\\n"
            + "Cutting Knowledge Date: December 2023\\n{{ message['content'] | trim }}<|eot_id|>", "<b>", "<|eot_id|>");
        const string Head = "<b><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 01 Jan 2025\n\n";
        const string Question = "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nq<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
        Assert.Equal(Head + Question, Text(template.Render([new("user", " q ")], true)));
        Assert.Equal(Head + "s" + Question, Text(template.Render([new("system", "s"), new("user", "q")], true)));
    }

    [Theory]
    [InlineData("mistral-v1", "system,user", "messages[0].role is 'system', which the model's chat template does not know")]
    [InlineData("llama-2", "user,system", "messages[1].role is 'system', but the chat template llama-2 needs 'assistant'")]
    [InlineData("llama-2", "user,user", "messages[1].role is 'user', but the chat template llama-2 needs 'assistant'")]
    [InlineData("chatml", "user,tool", "messages[1].role is 'tool', which the model's chat template does not know")]
    public void Role_that_cannot_stand_there_is_named(string name, string roles, string fault)
    {
        _folder.Write("tokenizer_config.json", """{"bos_token":"<s>","eos_token":"</s>"}""");
        var template = ChatTemplate.Load(_folder.Path, name);
        var error = Assert.Throws<ArgumentException>(() => template.Render([.. roles.Split(',').Select(r => new ChatMessage(r, "x"))], true));
        Assert.Contains(fault, error.Message);
    }

    [Fact]
    public void Every_name_can_be_chosen_and_an_unknown_one_is_refused()
    {
        _folder.Write("tokenizer_config.json", """{"bos_token":"<s>","eos_token":"</s>"}""");
        foreach (string name in ChatTemplate.Names)
            Assert.Equal(name, ChatTemplate.Load(_folder.Path, name).Name);
        Assert.Contains("'gemma'; there are lexi, chatml", Assert.Throws<ArgumentException>(() => ChatTemplate.Load(_folder.Path, "gemma")).Message);
        _folder.Write("tokenizer_config.json", "{}");
        Assert.Contains("eos_token is missing", Assert.Throws<CheckpointException>(() => ChatTemplate.Load(_folder.Path, "zephyr")).Message);
    }

    [Fact]
    public void A_list_of_templates_gives_the_default_one()
    {
        string list = JsonSerializer.Serialize(new[] { new { name = "tool_use", template = "x" }, new { name = "default", template = ChatMl.Replace("DEFAULT", "") } });
        _folder.Write("tokenizer_config.json", $$"""{"chat_template":{{list}}}""");
        Assert.Equal("chatml", ChatTemplate.Load(_folder.Path).Name);
        _folder.Write("tokenizer_config.json", $$"""{"chat_template":{{list.Replace("\"default\"", "\"other\"")}}}""");
        Assert.Contains("chat_template has no template named default", Assert.Throws<CheckpointException>(() => ChatTemplate.Load(_folder.Path)).Message);
    }

    [Theory]
    [InlineData("{{'<|im_start|>' + x}}[INST]")]
    [InlineData("<|im_start|>system\nYou're it<|im_end|>")]
    [InlineData("{{ bos_token + '[INST] <<SYS>>' + eos_token }}")]
    [InlineData("<|start_header_id|>")]
    public void What_is_not_sure_is_refused_with_the_way_out(string text)
    {
        var error = Assert.Throws<CheckpointException>(() => Write(text, "<s>", "</s>"));
        Assert.Contains("the chat template is not known; choose one with --chat-template: lexi, chatml", error.Message);
    }

    private ChatTemplate Write(string text, string bos, string eos)
    {
        _folder.Write("chat_template.jinja", text);
        _folder.Write("tokenizer_config.json", JsonSerializer.Serialize(new { bos_token = bos, eos_token = eos }));
        return ChatTemplate.Load(_folder.Path);
    }

    private static string Text(IEnumerable<TextSegment> segments) => string.Concat(segments.Select(s => s.Text));
}
