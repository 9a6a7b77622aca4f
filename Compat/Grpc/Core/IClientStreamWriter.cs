namespace Grpc.Core;

/// <summary>The requests of a streaming call.</summary>
/// <typeparam name="T">The type of the messages.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the request stream; no write may follow.</summary>
    Task CompleteAsync();
}
