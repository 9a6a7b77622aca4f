namespace Orleans.Runtime;

/// <summary>Values that travel with every call a request makes, one way: a callee's changes do not come back.</summary>
public static class RequestContext
{
    private static readonly AsyncLocal<Dictionary<string, object>?> s_values = new();

    public static IEnumerable<KeyValuePair<string, object>> Entries => s_values.Value ?? [];

    public static IEnumerable<string> Keys => s_values.Value?.Keys ?? Enumerable.Empty<string>();

    public static object? Get(string key) => s_values.Value?.GetValueOrDefault(key);

    public static void Set(string key, object value) => s_values.Value = new Dictionary<string, object>(Entries) { [key] = value };

    public static bool Remove(string key)
    {
        bool present = s_values.Value?.ContainsKey(key) ?? false;
        if (present)
        {
            s_values.Value = new Dictionary<string, object>(Entries.Where(entry => entry.Key != key));
        }

        return present;
    }

    public static void Clear() => s_values.Value = null;

    /// <summary>Dictionaries are never changed once set, so caller and callee may hold the same one.</summary>
    internal static Dictionary<string, object>? Capture() => s_values.Value;

    internal static void Restore(Dictionary<string, object>? values) => s_values.Value = values;
}
