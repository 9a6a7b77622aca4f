using Grpc.Core;
using Grpc.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Grpc.AspNetCore.Server;

/// <summary>Maps each method that generated code hands over to a POST endpoint.</summary>
/// <typeparam name="TService">The service; one instance a call.</typeparam>
internal sealed class ServiceBinder<TService>(IEndpointRouteBuilder builder) : ServiceBinderBase
    where TService : class
{
    private readonly ObjectFactory<TService> _factory = ActivatorUtilities.CreateFactory<TService>([]);
    private readonly GrpcServiceOptions _options = builder.ServiceProvider.GetRequiredService<IOptions<GrpcServiceOptions>>().Value;
    private readonly ILogger _logger = builder.ServiceProvider.GetRequiredService<ILoggerFactory>().CreateLogger("Grpc.AspNetCore.Server");

    private readonly UnimplementedRoute _unimplemented = builder.ServiceProvider.GetService<UnimplementedRoute>()
        ?? throw new InvalidOperationException("Unable to find the required services: call AddGrpc on the application's services.");

    public List<IEndpointConventionBuilder> Endpoints { get; } = [];

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Open<Func<TService, TRequest, ServerCallContext, Task<TResponse>>>(method);
        Map(method, async call =>
        {
            var service = Activate(call);
            UnaryServerMethod<TRequest, TResponse> next = (request, context) => invoke(service, request, context);
            foreach (var interceptor in call.InterceptorsInnermostFirst())
            {
                var inner = next;
                next = (request, context) => interceptor.UnaryServerHandler(request, context, inner);
            }

            var request = await call.ReadSingleAsync(method.RequestMarshaller).ConfigureAwait(false);
            await call.RespondAsync(method.ResponseMarshaller, await next(request, call).ConfigureAwait(false)).ConfigureAwait(false);
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Open<Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(method);
        Map(method, async call =>
        {
            var service = Activate(call);
            ServerStreamingServerMethod<TRequest, TResponse> next =
                (request, responses, context) => invoke(service, request, responses, context);
            foreach (var interceptor in call.InterceptorsInnermostFirst())
            {
                var inner = next;
                next = (request, responses, context) => interceptor.ServerStreamingServerHandler(request, responses, context, inner);
            }

            var request = await call.ReadSingleAsync(method.RequestMarshaller).ConfigureAwait(false);
            await next(request, new ServerStreamWriter<TResponse>(call, method.ResponseMarshaller), call).ConfigureAwait(false);
        });
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
    {
        var invoke = Open<Func<TService, IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(method);
        Map(method, call =>
        {
            var service = Activate(call);
            DuplexStreamingServerMethod<TRequest, TResponse> next =
                (requests, responses, context) => invoke(service, requests, responses, context);
            foreach (var interceptor in call.InterceptorsInnermostFirst())
            {
                var inner = next;
                next = (requests, responses, context) => interceptor.DuplexStreamingServerHandler(requests, responses, context, inner);
            }

            var reader = new ServerStreamReader<TRequest>(call, method.RequestMarshaller);
            return next(reader, new ServerStreamWriter<TResponse>(call, method.ResponseMarshaller), call);
        });
    }

    /// <summary>Answers gRPC requests that no method takes; one route serves the whole application.</summary>
    public void MapUnimplemented()
    {
        if (!_unimplemented.TryTake())
        {
            return;
        }

        builder.Map($"{{service}}/{{method:{GrpcRequestConstraint.Name}}}", http =>
        {
            ServerCall.Refuse(http.Response, StatusCodes.Status200OK, StatusCode.Unimplemented, "Method or service is unimplemented.");
            return Task.CompletedTask;
        }).WithDisplayName("gRPC - Unimplemented");
    }

    private static TDelegate Open<TDelegate>(IMethod method)
        where TDelegate : Delegate
    {
        var parameters = typeof(TDelegate).GetGenericArguments()[1..^1];
        var target = typeof(TService).GetMethod(method.Name, parameters)
            ?? throw new InvalidOperationException($"{typeof(TService)} has no method with the signature of {method.FullName}.");
        return target.CreateDelegate<TDelegate>();
    }

    private TService Activate(ServerCall call) =>
        call.Http.RequestServices.GetService<TService>() ?? call.Own(_factory(call.Http.RequestServices, []));

    private void Map(IMethod method, Func<ServerCall, Task> body)
    {
        var endpoint = builder.MapPost(method.FullName, http => ServerCall.HandleAsync(http, _options, _logger, body));
        Endpoints.Add(endpoint.WithDisplayName("gRPC - " + method.FullName));
    }
}
