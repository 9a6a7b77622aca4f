using System.Collections.Concurrent;

namespace QuaRot.Compat.Orleans.Tests;

/// <summary>Named events between tests and grains of the same process: what a test would otherwise sleep for.</summary>
internal static class Signals
{
    private static readonly ConcurrentDictionary<string, TaskCompletionSource<string>> s_signals = new();

    public static void Set(string name, string text = "") => Of(name).TrySetResult(text);

    public static bool IsSet(string name) => Of(name).Task.IsCompleted;

    /// <summary>Fails after a time in which even a loaded machine gets there.</summary>
    public static Task<string> Wait(string name, CancellationToken token = default) =>
        Of(name).Task.WaitAsync(TimeSpan.FromSeconds(60), token);

    public static Task Soon(this Task task) => task.WaitAsync(TimeSpan.FromSeconds(60));

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(60));

    private static TaskCompletionSource<string> Of(string name) =>
        s_signals.GetOrAdd(name, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}
