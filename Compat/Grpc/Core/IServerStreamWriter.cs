namespace Grpc.Core;

/// <summary>The responses of a streaming server method; the stream ends when the method returns.</summary>
/// <typeparam name="T">The type of the messages.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}
