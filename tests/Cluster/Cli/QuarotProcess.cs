using System.Diagnostics;
using System.Text.RegularExpressions;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Cli;

/// <summary>The `quarot` program as a user starts it.</summary>
internal sealed class QuarotProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _error;

    private QuarotProcess(Process process)
    {
        _process = process;
        _error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    public static QuarotProcess Start(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "quarot"), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Assets.Root,
        };
        return new QuarotProcess(Process.Start(start)!);
    }

    public static async Task<(int Code, string Output, string Error)> Run(params string[] arguments)
    {
        using var quarot = Start(arguments);
        return await quarot.Finish();
    }

    /// <summary>Reads lines until one holds the text; the lines so far.</summary>
    public async Task<string> ReadUntil(string text)
    {
        var seen = "";
        while (await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            seen += line + "\n";
            if (line.Contains(text, StringComparison.Ordinal))
                return seen;
        }

        throw new InvalidOperationException($"quarot ended before it said '{text}':\n{seen}{await _error}");
    }

    /// <summary>Waits until `quarot serve` serves; where.</summary>
    public async Task<string> ReadAddress() => Regex.Match(await ReadUntil("Serving until Ctrl-C."), @"gRPC on (\S+)").Groups[1].Value;

    public async Task Signal(string name)
    {
        using var kill = Process.Start("kill", ["-s", name, _process.Id.ToString()]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    public async Task<(int Code, string Output, string Error)> Finish()
    {
        var output = await _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (_process.ExitCode, output, await _error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
