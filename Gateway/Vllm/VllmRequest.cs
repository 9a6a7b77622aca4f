using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.V1;
using QuaRot.Contracts.Vllm;
using QuaRot.Gateway.Validation;
using GenerateRequest = QuaRot.Contracts.Vllm.GenerateRequest;

namespace QuaRot.Gateway.Vllm;

/// <summary>Turns a request of the vLLM protocol into a turn. What this server cannot do is refused by its field's name, never left out.</summary>
internal static class VllmRequest
{
    private const string Prefix = "sampling_params.";
    private const int MaxStopTokenIds = 64;

    public static GenerateTurn ToTurn(GenerateRequest request, RequestValidator validator, int vocabSize)
    {
        RefuseTransfers(request);
        var sampling = Sampling(request.SamplingParams ?? new SamplingParams(), validator, vocabSize);
        return new GenerateTurn(
            request.InputCase switch
            {
                GenerateRequest.InputOneofCase.Text => validator.Prompt("text", request.Text),
                GenerateRequest.InputOneofCase.Tokenized => validator.Prompt("tokenized.input_ids", request.Tokenized.InputIds),
                _ => throw Field.Invalid("text", "neither text nor tokenized is set"),
            },
            sampling);
    }

    // The zeros of the protocol's plain fields mean "not given".
    private static TurnSampling Sampling(SamplingParams p, RequestValidator validator, int vocabSize)
    {
        RefuseSampling(p);
        var given = new SamplingParameters { TopK = p.TopK, MinP = p.MinP, MaxTokens = p.HasMaxTokens ? p.MaxTokens : int.MaxValue };
        if (p.HasTemperature)
            given.Temperature = p.Temperature;
        if (p.TopP != 0)
            given.TopP = p.TopP;
        if (p.RepetitionPenalty != 0)
            given.RepetitionPenalty = p.RepetitionPenalty;
        if (p.HasSeed)
            given.Seed = unchecked((ulong)p.Seed);
        if (p.HasLogprobs)
            given.Logprobs = p.Logprobs >= 0 ? (uint)p.Logprobs : throw Field.Invalid(Prefix + "logprobs", $"is {p.Logprobs}; must be at least 0");
        given.Stop.AddRange(p.Stop);
        if (p.StopTokenIds.Count > MaxStopTokenIds)
            throw Field.Invalid(Prefix + "stop_token_ids", $"has {p.StopTokenIds.Count} ids; at most {MaxStopTokenIds} are allowed");
        return SamplingValidator.Check(given, vocabSize, Prefix) with
        {
            StopTokenIds = validator.Ids(Prefix + "stop_token_ids", p.StopTokenIds),
            IgnoreEos = p.IgnoreEos,
        };
    }

    private static void RefuseSampling(SamplingParams p)
    {
        Refuse(p.FrequencyPenalty != 0, Prefix + "frequency_penalty");
        Refuse(p.PresencePenalty != 0, Prefix + "presence_penalty");
        Refuse(p.MinTokens != 0, Prefix + "min_tokens");
        Refuse(p.N > 1, Prefix + "n", "parallel samples");
        Refuse(p.HasPromptLogprobs, Prefix + "prompt_logprobs");
        Refuse(p.IncludeStopStrInOutput, Prefix + "include_stop_str_in_output");
        Refuse(p.LogitBias.Count > 0, Prefix + "logit_bias");
        Refuse(p.HasTruncatePromptTokens, Prefix + "truncate_prompt_tokens");
        Refuse(p.ConstraintCase != SamplingParams.ConstraintOneofCase.None, Prefix + NameOf(p.ConstraintCase), "structured outputs");
    }

    private static void RefuseTransfers(GenerateRequest request)
    {
        Refuse(request.KvTransferParams is not null, "kv_transfer_params", "KV transfer between servers");
        Refuse(request.HasKvTransferParamsJson, "kv_transfer_params_json", "KV transfer between servers");
        Refuse(request.MmInputs is not null, "mm_inputs", "images and video");
        Refuse(request.HasDataParallelRank && request.DataParallelRank != 0, "data_parallel_rank", "ranks other than 0");
    }

    private static void Refuse(bool isSet, string field, string? what = null)
    {
        if (isSet)
            throw Field.Invalid(field, $"is set; this server does not support {what ?? "it"}");
    }

    private static string NameOf(SamplingParams.ConstraintOneofCase constraint) =>
        constraint == SamplingParams.ConstraintOneofCase.None ? "" : SamplingParams.Descriptor.FindFieldByNumber((int)constraint).Name;
}
