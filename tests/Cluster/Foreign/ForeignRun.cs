using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading.Channels;

namespace QuaRot.Cluster.Tests.Foreign;

/// <summary>A case under way in a foreign client: prints a mark where it waits, takes a line as the word to go on, ends with one JSON object.</summary>
public sealed class ForeignRun : IDisposable
{
    private readonly Process _process;
    private readonly Channel<string> _log = Channel.CreateUnbounded<string>();
    private readonly List<string> _logged = [];

    internal ForeignRun(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                _log.Writer.Complete();
            else
                _log.Writer.TryWrite(line.Data);
        };
        _process.Start();
        _process.BeginErrorReadLine();
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Waits for the mark.</summary>
    public async Task Until(string mark)
    {
        var line = await _process.StandardOutput.ReadLineAsync(Cancelled);
        Assert.True(line == mark, $"the client did not come to '{mark}' but to '{line}': {(line is null ? await Log() : "")}");
    }

    /// <summary>Waits for a number of lines of its log that match.</summary>
    public async Task UntilLogged(Regex pattern, int count)
    {
        while (count > 0)
        {
            var line = await _log.Reader.ReadAsync(Cancelled);
            _logged.Add(line);
            if (pattern.IsMatch(line))
                count--;
        }
    }

    /// <summary>Lets it go on behind a mark.</summary>
    public Task GoOn() => _process.StandardInput.WriteLineAsync("");

    /// <summary>Waits for the end of its log, which is that of the process, and gives all of it.</summary>
    public async Task<string> Log()
    {
        await foreach (var line in _log.Reader.ReadAllAsync(Cancelled))
            _logged.Add(line);
        return string.Join('\n', _logged);
    }

    /// <summary>What it saw.</summary>
    public async Task<JsonElement> Result()
    {
        var output = await _process.StandardOutput.ReadToEndAsync(Cancelled);
        var log = await Log();
        await _process.WaitForExitAsync(Cancelled);
        Assert.True(_process.ExitCode == 0, log);
        return JsonDocument.Parse(output).RootElement;
    }

    /// <summary>Ends the process where a test failed before its end.</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
