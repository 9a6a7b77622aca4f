using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using QuaRot.Contracts.Sessions;

namespace QuaRot.Gateway.Keys;

/// <summary>The keys that callers may use now. The file is read again when it changes; one that has become wrong leaves the keys as they were.</summary>
public sealed class ApiKeyRing
{
    private readonly Lock _gate = new();
    private readonly string? _file;
    private readonly ApiKey? _console;
    private readonly ILogger _log;
    private (DateTime Written, long Length) _stamp;
    private volatile ApiKey[] _keys = [];

    /// <summary>Reads the file, if the options name one.</summary>
    /// <exception cref="IOException">The file cannot be read; the message names it.</exception>
    /// <exception cref="InvalidDataException">A line is wrong; the message names file and line.</exception>
    public ApiKeyRing(IOptions<GatewayOptions> options, ILogger<ApiKeyRing> log)
    {
        _log = log;
        if (options.Value.ApiKeyFile is not { } file)
            return;
        _file = Path.GetFullPath(file);
        _console = options.Value.ConsoleKey is { } key ? new ApiKey(key, SessionOwner.Nobody) : null;
        _stamp = Stamp();
        _keys = ApiKeyFile.Read(_file);
    }

    /// <summary>Whether callers need a key.</summary>
    public bool IsGuarded => _file is not null;

    /// <summary>Whose key it is; null when there is no such key.</summary>
    public string? OwnerOf(string key)
    {
        ReadAgainIfChanged();
        var hash = ApiKey.Hash(key);
        string? owner = null;

        // All of them, found or not: the time taken says nothing of where a match is.
        foreach (var candidate in _console is null ? _keys : [.. _keys, _console])
        {
            if (candidate.Matches(hash))
                owner = candidate.Owner;
        }

        return owner;
    }

    private void ReadAgainIfChanged()
    {
        lock (_gate)
        {
            var stamp = Stamp();
            if (stamp == _stamp)
                return;
            _stamp = stamp;
            try
            {
                _keys = ApiKeyFile.Read(_file!);
                _log.KeysRead(_file!, _keys.Length);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                // A slip in the file must neither lock everybody out nor let anybody in.
                _log.KeysNotRead(e.Message);
            }
        }
    }

    private (DateTime Written, long Length) Stamp()
    {
        var info = new FileInfo(_file!);
        return info.Exists ? (info.LastWriteTimeUtc, info.Length) : default;
    }
}
