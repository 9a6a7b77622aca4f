using System.Globalization;
using Grpc.Core;
using QuaRot.Contracts.Sessions;
using QuaRot.Contracts.Shards;
using QuaRot.Contracts.V1;
using QuaRot.Gateway.Keys;
using QuaRot.Gateway.Validation;

namespace QuaRot.Gateway.Services;

/// <summary>The public API: validates, calls the session grain, streams what it answers.</summary>
public sealed class InferenceService(IGrainFactory grains, ServedModelInfo model, TurnStream stream) : Inference.InferenceBase
{
    private const int DefaultPage = 100;
    private const int MaxPage = 1000;

    private readonly RequestValidator _validator = new(model);

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
        await Stream(cancelled => session.Chat(Owner(context), turn, cancelled), responseStream, context);
    }

    /// <inheritdoc/>
    public override async Task<Session> CreateSession(CreateSessionRequest request, ServerCallContext context) =>
        (await grains.GetGrain<ISessionGrain>(NewSessionId()).Create(Owner(context))).ToProto();

    /// <inheritdoc/>
    public override async Task<SessionTranscript> GetSession(GetSessionRequest request, ServerCallContext context)
    {
        var id = RequestValidator.SessionId(request.SessionId);
        var view = await grains.GetGrain<ISessionGrain>(id).Read(Owner(context)) ?? throw UnknownSession(id);
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
        var entries = await grains.GetGrain<ISessionDirectoryGrain>(SessionOwner.DirectoryKey(Owner(context))).List(after, size + 1);
        var response = new ListSessionsResponse { NextPageToken = entries.Length > size ? entries[size - 1].Number.ToString(CultureInfo.InvariantCulture) : "" };
        var views = await Task.WhenAll(entries.Take(size).Select(e => grains.GetGrain<ISessionGrain>(e.SessionId).Describe(Owner(context))));
        response.Sessions.AddRange(views.OfType<SessionSummary>().Select(s => s.ToProto()));
        return response;
    }

    /// <inheritdoc/>
    public override async Task<DeleteSessionResponse> DeleteSession(DeleteSessionRequest request, ServerCallContext context)
    {
        var id = RequestValidator.SessionId(request.SessionId);
        return await grains.GetGrain<ISessionGrain>(id).Delete(Owner(context)) ? new DeleteSessionResponse() : throw UnknownSession(id);
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

    private static string NewSessionId() => SessionId.New();

    private static RpcException UnknownSession(string id) => new(new Status(StatusCode.NotFound, $"session_id: there is no session '{id}'"));

    private static string Owner(ServerCallContext context) => ApiKeyInterceptor.OwnerOf(context);

    private Task Stream(
        Func<CancellationToken, IAsyncEnumerable<TurnEvent>> start, IServerStreamWriter<GenerateResponse> writer, ServerCallContext context) =>
        stream.Run(start, (turnEvent, cancelled) => writer.WriteAsync(turnEvent.ToProto(), cancelled), context.CancellationToken);

    private int[] Encode(TokenizeRequest request) =>
        model.Tokenizer.Encode(_validator.Text("text", request.Text), request.AddBos, request.ParseSpecial);
}
