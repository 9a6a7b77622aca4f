using System.Globalization;
using Grpc.Core;
using Microsoft.Extensions.Options;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.Shards;
using QuaRot.Contracts.Vllm;
using QuaRot.Gateway.Keys;
using QuaRot.Gateway.Services;
using QuaRot.Gateway.Validation;

namespace QuaRot.Gateway.Vllm;

/// <summary>vllm.grpc.engine.VllmEngine: lets routers that speak to vLLM's gRPC server speak to this one. Details: docs/vllm-engine.md.</summary>
public sealed class VllmEngineService(
    IGrainFactory grains, ServedModelInfo model, IOptions<GatewayOptions> options, ClusterReadiness readiness, RunningRequests requests,
    TurnStream stream, TimeProvider time) : VllmEngine.VllmEngineBase
{
    private const string ServerType = "quarot-grpc";
    private const string HeadSuffix = "ForCausalLM";

    private readonly RequestValidator _validator = new(model);

    /// <inheritdoc/>
    public override async Task Generate(GenerateRequest request, IServerStreamWriter<GenerateResponse> responseStream, ServerCallContext context)
    {
        var turn = VllmRequest.ToTurn(request, _validator, model.Config.VocabSize);
        var answer = new VllmAnswer(turn.Sampling, turn.PromptTokens.Length, model.Tokenizer);
        using var abort = new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, abort.Token);
        using var entry = requests.Begin(ApiKeyInterceptor.OwnerOf(context), request.RequestId, abort);
        var session = grains.GetGrain<ISessionGrain>(SessionId.New());
        try
        {
            await stream.Run(cancelled => session.Generate(turn, cancelled), Write, either.Token);
        }
        catch (OperationCanceledException) when (abort.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested)
        {
            // Aborted, not cancelled: the router still listens and gets what there is.
        }

        await responseStream.WriteAsync(answer.Complete(), context.CancellationToken);

        async Task Write(TurnEvent turnEvent, CancellationToken cancelled)
        {
            if (answer.Add(turnEvent) is { } chunk && request.Stream)
                await responseStream.WriteAsync(chunk, context.CancellationToken);
        }
    }

    /// <inheritdoc/>
    public override Task<EmbedResponse> Embed(EmbedRequest request, ServerCallContext context) =>
        throw new RpcException(new Status(StatusCode.Unimplemented, "Embed: this server generates text; it has no embedding model"));

    /// <inheritdoc/>
    public override Task<AbortResponse> Abort(AbortRequest request, ServerCallContext context)
    {
        foreach (var id in request.RequestIds)
            requests.Abort(ApiKeyInterceptor.OwnerOf(context), id);
        return Task.FromResult(new AbortResponse());
    }

    /// <inheritdoc/>
    public override Task<HealthCheckResponse> HealthCheck(HealthCheckRequest request, ServerCallContext context) =>
        Task.FromResult(new HealthCheckResponse { Healthy = readiness.IsReady, Message = readiness.IsReady ? "all shards are loaded" : "a shard is missing" });

    /// <inheritdoc/>
    public override Task<GetModelInfoResponse> GetModelInfo(GetModelInfoRequest request, ServerCallContext context)
    {
        var config = model.Config;
        var info = new GetModelInfoResponse
        {
            ModelPath = options.Value.ModelPath,
            TokenizerPath = options.Value.ModelPath,
            ServedModelName = model.Name,
            IsGeneration = true,
            MaxContextLength = (uint)model.MaxContext,
            MaxReqInputLen = model.MaxContext - 1,
            VocabSize = (uint)config.VocabSize,
            ModelType = config.Architecture.Replace(HeadSuffix, "", StringComparison.Ordinal).ToLowerInvariant(),
            BosTokenId = config.BosTokenId ?? 0,
        };
        info.Architectures.Add(config.Architecture);
        info.EosTokenIds.AddRange(config.EosTokenIds);
        return Task.FromResult(info);
    }

    /// <inheritdoc/>
    public override Task<GetServerInfoResponse> GetServerInfo(GetServerInfoRequest request, ServerCallContext context) => Task.FromResult(new GetServerInfoResponse
    {
        ActiveRequests = (uint)requests.Count,
        LastReceiveTimestamp = requests.LastReceived?.ToUnixTimeMilliseconds() / 1000.0 ?? 0,
        UptimeSeconds = requests.Uptime.TotalSeconds,
        ServerType = ServerType,
        DataParallelSize = 1,
    });

    /// <inheritdoc/>
    public override async Task<GetLoadsResponse> GetLoads(GetLoadsRequest request, ServerCallContext context)
    {
        var report = await grains.GetGrain<IShardGrain>(model.ShardKey(0)).Scheduler();
        var response = new GetLoadsResponse
        {
            Timestamp = time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture),
            Version = typeof(VllmEngineService).Assembly.GetName().Version?.ToString(3) ?? "",
            DpRankCount = 1,
        };
        response.Loads.Add(new SchedulerLoad
        {
            NumRunningReqs = report.Running,
            NumWaitingReqs = report.Waiting,
            NumTotalReqs = report.Running + report.Waiting,
            TokenUsage = report.PagesTotal == 0 ? 0 : (double)report.PagesUsed / report.PagesTotal,
        });
        return response;
    }
}
