using System.Globalization;
using System.Security.Cryptography;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.Shards;
using QuaRot.Contracts.V1;
using QuaRot.Gateway.Validation;

namespace QuaRot.Gateway.Services;

/// <summary>The public API: validates, calls the session grain, streams what it answers.</summary>
public sealed class InferenceService(IGrainFactory grains, ServedModelInfo model, IHostApplicationLifetime lifetime) : Inference.InferenceBase
{
    private const int DefaultPage = 100;
    private const int MaxPage = 1000;
    private const string Owner = "anonymous";

    private readonly RequestValidator _validator = new(model.Tokenizer, model.Config.VocabSize, model.MaxContext);

    /// <inheritdoc/>
    public override async Task Generate(GenerateRequest request, IServerStreamWriter<GenerateResponse> responseStream, ServerCallContext context)
    {
        var turn = _validator.Generate(request);
        var session = grains.GetGrain<ISessionGrain>(NewSessionId());
        await Stream(cancelled => session.Generate(turn, cancelled), responseStream, context);
    }

    /// <inheritdoc/>
    public override async Task Chat(ChatRequest request, IServerStreamWriter<GenerateResponse> responseStream, ServerCallContext context)
    {
        var turn = _validator.Chat(request);
        var session = grains.GetGrain<ISessionGrain>(request.SessionId);
        await Stream(cancelled => session.Chat(turn, cancelled), responseStream, context);
    }

    /// <inheritdoc/>
    public override async Task<Session> CreateSession(CreateSessionRequest request, ServerCallContext context) =>
        (await grains.GetGrain<ISessionGrain>(NewSessionId()).Create(Owner)).ToProto();

    /// <inheritdoc/>
    public override async Task<SessionTranscript> GetSession(GetSessionRequest request, ServerCallContext context)
    {
        var id = RequestValidator.SessionId(request.SessionId);
        var view = await grains.GetGrain<ISessionGrain>(id).Read() ?? throw UnknownSession(id);
        var transcript = new SessionTranscript { Session = view.Summary.ToProto() };
        transcript.Messages.AddRange(view.Messages.Select(m => new ChatMessage { Role = m.Role, Content = m.Content }));
        return transcript;
    }

    /// <inheritdoc/>
    public override async Task<ListSessionsResponse> ListSessions(ListSessionsRequest request, ServerCallContext context)
    {
        if (request.PageSize > MaxPage)
            throw Field.Invalid("page_size", $"is {request.PageSize}; must be at most {MaxPage}");
        var after = RequestValidator.PageToken(request.PageToken);
        var size = request.PageSize == 0 ? DefaultPage : (int)request.PageSize;
        var entries = await grains.GetGrain<ISessionDirectoryGrain>(Owner).List(after, size + 1);
        var response = new ListSessionsResponse { NextPageToken = entries.Length > size ? entries[size - 1].Number.ToString(CultureInfo.InvariantCulture) : "" };
        var views = await Task.WhenAll(entries.Take(size).Select(e => grains.GetGrain<ISessionGrain>(e.SessionId).Describe()));
        response.Sessions.AddRange(views.OfType<SessionSummary>().Select(s => s.ToProto()));
        return response;
    }

    /// <inheritdoc/>
    public override async Task<DeleteSessionResponse> DeleteSession(DeleteSessionRequest request, ServerCallContext context)
    {
        var id = RequestValidator.SessionId(request.SessionId);
        return await grains.GetGrain<ISessionGrain>(id).Delete() ? new DeleteSessionResponse() : throw UnknownSession(id);
    }

    /// <inheritdoc/>
    public override Task<TokenizeResponse> Tokenize(TokenizeRequest request, ServerCallContext context)
    {
        var response = new TokenizeResponse();
        if (request.Text.Length > 0)
            response.TokenIds.AddRange(Encode(request).Select(id => (uint)id));
        else if (request.AddBos && model.Tokenizer.BosTokenId is { } bos)
            response.TokenIds.Add((uint)bos);
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<DetokenizeResponse> Detokenize(DetokenizeRequest request, ServerCallContext context)
    {
        var ids = _validator.Ids("token_ids", request.TokenIds);
        return Task.FromResult(new DetokenizeResponse { Text = model.Tokenizer.Decode(ids, request.SkipSpecial) });
    }

    /// <inheritdoc/>
    public override async Task<ModelInfo> GetModelInfo(GetModelInfoRequest request, ServerCallContext context)
    {
        var stages = Enumerable.Range(0, model.Shards).Select(s => grains.GetGrain<IShardGrain>(model.ShardKey(s)).Status());
        return model.ToProto(await Task.WhenAll(stages));
    }

    private static string NewSessionId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private static RpcException UnknownSession(string id) => new(new Status(StatusCode.NotFound, $"session_id: there is no session '{id}'"));

    // At shutdown every stream ends with UNAVAILABLE, and its turn with what was streamed, instead of holding the server up.
    private async Task Stream(
        Func<CancellationToken, IAsyncEnumerable<TurnEvent>> start, IServerStreamWriter<GenerateResponse> writer, ServerCallContext context)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            await foreach (var turnEvent in start(ended.Token).WithCancellation(ended.Token))
                await writer.WriteAsync(turnEvent.ToProto(), ended.Token);
            ended.Token.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "The server is shutting down; a session keeps what was streamed."));
        }
    }

    private int[] Encode(TokenizeRequest request) =>
        model.Tokenizer.Encode(_validator.Text("text", request.Text), request.AddBos, request.ParseSpecial);
}
