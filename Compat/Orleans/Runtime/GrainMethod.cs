using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Reflection;
using Orleans.Concurrency;
using Orleans.Serialization;

namespace Orleans.Runtime;

/// <summary>A method of a grain interface: how to copy its arguments, invoke it and hand back its result.</summary>
internal sealed class GrainMethod
{
    private static readonly ConcurrentDictionary<MethodInfo, GrainMethod> s_known = new();

    private readonly Copier?[] _arguments;
    private readonly int _token;
    private readonly Func<object, object?[], object?> _invoke;
    private readonly ReturnShape _shape;

    /// <exception cref="CodecNotFoundException">An argument or result cannot travel.</exception>
    /// <exception cref="NotSupportedException">The method is not asynchronous.</exception>
    private GrainMethod(MethodInfo method)
    {
        Name = $"{method.DeclaringType!.Name}.{method.Name}";
        ParameterInfo[] parameters = method.GetParameters();
        _arguments = [.. parameters.Select(ArgumentCopier)];
        _token = Array.FindIndex(parameters, parameter => parameter.ParameterType == typeof(CancellationToken));
        _shape = ReturnShape.For(method.ReturnType, Name);
        _invoke = CompileInvoke(method, parameters);
        ResponseTimeout = method.GetCustomAttribute<ResponseTimeoutAttribute>()?.Timeout;
        Flags = RequestFlags.None
            | (method.IsDefined(typeof(AlwaysInterleaveAttribute)) ? RequestFlags.AlwaysInterleave : 0)
            | (method.IsDefined(typeof(ReadOnlyAttribute)) ? RequestFlags.ReadOnly : 0);
    }

    public string Name { get; }

    private RequestFlags Flags { get; }

    public TimeSpan? ResponseTimeout { get; }

    public static GrainMethod For(MethodInfo method) => s_known.GetOrAdd(method, static key => new GrainMethod(key));

    /// <summary>The caller's side. Arguments are copied before it returns.</summary>
    public object? Call(GrainReference grain, object?[] arguments)
    {
        var context = new CopyContext();
        var copies = new object?[arguments.Length];
        for (int i = 0; i < copies.Length; i++)
        {
            copies[i] = _arguments[i] is { } copier ? copier.CopyObject(arguments[i], context) : arguments[i];
        }

        CancellationToken token = _token < 0 ? default : (CancellationToken)copies[_token]!;
        return _shape.Call(grain, this, copies, token);
    }

    /// <summary>Sends a request whose body invokes the method and copies its result.</summary>
    public Task<object?> Send(GrainReference grain, object?[] arguments, CancellationToken token)
    {
        RequestBody body = (activation, sent) => _shape.AwaitResult(Invoke(activation.GrainInstance!, arguments, sent.CalleeToken));
        var request = new GrainRequest(grain.GrainId, Name, Flags, body)
        {
            ResponseTimeout = ResponseTimeout,
        };
        if (_token >= 0)
        {
            // Made before the request is visible to other threads.
            _ = request.CalleeToken;
        }

        return grain.Caller.Send(request, token);
    }

    /// <summary>The callee's side: invokes the method with the callee's token in place of the caller's.</summary>
    public object? Invoke(object instance, object?[] arguments, CancellationToken calleeToken)
    {
        if (_token >= 0)
        {
            arguments = [.. arguments];
            arguments[_token] = calleeToken;
        }

        return _invoke(instance, arguments);
    }

    private Copier? ArgumentCopier(ParameterInfo parameter)
    {
        if (parameter.ParameterType.IsByRef)
        {
            throw new NotSupportedException($"Parameter {parameter.Name} of {Name} is passed by reference: grain calls cannot do that.");
        }

        Copier copier = Copier.For(parameter.ParameterType, $"parameter {parameter.Name} of {Name}");
        return copier.IsShared || parameter.IsDefined(typeof(ImmutableAttribute)) ? null : copier;
    }

    private static Func<object, object?[], object?> CompileInvoke(MethodInfo method, ParameterInfo[] parameters)
    {
        ParameterExpression instance = Expression.Parameter(typeof(object));
        ParameterExpression values = Expression.Parameter(typeof(object?[]));
        IEnumerable<Expression> arguments = parameters.Select((parameter, i) =>
            Expression.Convert(Expression.ArrayIndex(values, Expression.Constant(i)), parameter.ParameterType));
        Expression call = Expression.Call(Expression.Convert(instance, method.DeclaringType!), method, arguments);
        return Expression.Lambda<Func<object, object?[], object?>>(Expression.Convert(call, typeof(object)), instance, values).Compile();
    }
}
