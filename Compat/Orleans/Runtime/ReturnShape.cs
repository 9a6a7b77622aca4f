using Orleans.Serialization;

namespace Orleans.Runtime;

/// <summary>What a grain method returns: how the caller gets its response and how the callee's result is awaited.</summary>
internal abstract class ReturnShape
{
    /// <summary>The caller's side.</summary>
    public virtual object Call(GrainReference grain, GrainMethod method, object?[] arguments, CancellationToken token) =>
        Wrap(method.Send(grain, arguments, token));

    /// <summary>The callee's side: awaits what the method returned and copies the result.</summary>
    public abstract ValueTask<object?> AwaitResult(object? returned);

    protected abstract object Wrap(Task<object?> response);

    /// <exception cref="NotSupportedException">Grain methods return tasks or asynchronous sequences.</exception>
    public static ReturnShape For(Type type, string method)
    {
        if (type == typeof(Task) || type == typeof(ValueTask))
        {
            return new NoResult(type);
        }

        Type? definition = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        Type? shape = definition == typeof(Task<>) ? typeof(TaskResult<>)
            : definition == typeof(ValueTask<>) ? typeof(ValueTaskResult<>)
            : definition == typeof(IAsyncEnumerable<>) ? typeof(StreamResult<>)
            : throw new NotSupportedException($"{method} returns {type}: grain methods return tasks or IAsyncEnumerable<T>.");
        Copier copier = Copier.For(type.GetGenericArguments()[0], $"result of {method}");
        return (ReturnShape)Activator.CreateInstance(shape.MakeGenericType(type.GetGenericArguments()), copier)!;
    }

    private sealed class NoResult(Type type) : ReturnShape
    {
        public override async ValueTask<object?> AwaitResult(object? returned)
        {
            if (returned is Task task)
            {
                await task;
            }
            else if (returned is ValueTask valueTask)
            {
                await valueTask;
            }

            return null;
        }

        protected override object Wrap(Task<object?> response) => type == typeof(Task) ? response : new ValueTask(response);
    }

    private sealed class TaskResult<T>(Copier<T> copier) : ReturnShape
    {
        public override async ValueTask<object?> AwaitResult(object? returned) => copier.Copy(await (Task<T>)returned!, new CopyContext());

        protected override object Wrap(Task<object?> response) => Unbox<T>(response);
    }

    private sealed class ValueTaskResult<T>(Copier<T> copier) : ReturnShape
    {
        public override async ValueTask<object?> AwaitResult(object? returned) =>
            copier.Copy(await (ValueTask<T>)returned!, new CopyContext());

        protected override object Wrap(Task<object?> response) => new ValueTask<T>(Unbox<T>(response));
    }

    private sealed class StreamResult<T>(Copier<T> copier) : ReturnShape
    {
        public override object Call(GrainReference grain, GrainMethod method, object?[] arguments, CancellationToken token) =>
            new GrainStream<T>(grain, method, arguments, copier, token);

        public override ValueTask<object?> AwaitResult(object? returned) =>
            throw new NotSupportedException("Streams are read step by step.");

        protected override object Wrap(Task<object?> response) =>
            throw new NotSupportedException("Streams are read step by step.");
    }

    private static async Task<T> Unbox<T>(Task<object?> response) => (T)(await response.ConfigureAwait(false))!;
}
