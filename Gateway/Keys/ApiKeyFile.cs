using QuaRot.Contracts.Sessions;

namespace QuaRot.Gateway.Keys;

/// <summary>Reads a file of API keys: one a line, <c>KEY</c> or <c>NAME:KEY</c>; blank lines and lines that begin with # do not count.</summary>
internal static class ApiKeyFile
{
    private const int MinKeyLength = 16;
    private const int MaxKeyLength = 512;
    private const int MaxNameLength = 64;

    /// <exception cref="InvalidDataException">A line is wrong; the message names file and line, never the key.</exception>
    /// <exception cref="IOException">The file cannot be read; the message names it.</exception>
    public static ApiKey[] Read(string file)
    {
        var keys = new List<ApiKey>();
        var lines = new Dictionary<string, int>();
        var number = 0;
        foreach (var line in Lines(file))
        {
            number++;
            if (line.Trim() is not { Length: > 0 } entry || entry[0] == '#')
                continue;
            var colon = entry.IndexOf(':');
            var name = colon < 0 ? null : entry[..colon].Trim();
            var key = entry[(colon + 1)..].Trim();
            if ((ProblemOfName(name) ?? ProblemOfKey(key)) is { } problem)
                throw new InvalidDataException($"{file}:{number}: {problem}");
            if (!lines.TryAdd(key, number))
                throw new InvalidDataException($"{file}:{number}: the key is the same as in line {lines[key]}");
            keys.Add(new ApiKey(key, name));
        }

        return keys.Count > 0 ? [.. keys] : throw new InvalidDataException($"{file}: holds no key, so nobody could call; without --api-keys everybody can");
    }

    private static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new IOException($"{file}: there is no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    private static string? ProblemOfName(string? name) => name switch
    {
        null => null,
        "" => "the name before the colon is empty",
        { Length: > MaxNameLength } => $"the name is longer than {MaxNameLength} characters",
        SessionOwner.Anonymous => $"the name '{name}' stands for callers without a key; choose another",
        _ => name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? null : "a name is made of letters, digits, '-', '_' and '.'",
    };

    private static string? ProblemOfKey(string key) => key switch
    {
        { Length: < MinKeyLength } => $"the key is shorter than {MinKeyLength} characters",
        { Length: > MaxKeyLength } => $"the key is longer than {MaxKeyLength} characters",
        _ => key.All(c => c is > ' ' and <= '~' and not ':') ? null : "a key is made of visible ASCII characters without a colon",
    };
}
