namespace QuaRot.Cli.Evaluation;

/// <summary>One line on standard error that is written over and over; nothing where that is no terminal.</summary>
internal sealed class ProgressLine(bool quiet) : IDisposable
{
    private readonly bool _quiet = quiet || Console.IsErrorRedirected;
    private int _width;

    public void Say(string text)
    {
        if (_quiet)
            return;
        Console.Error.Write($"\r{text.PadRight(_width)}");
        _width = text.Length;
    }

    /// <summary>Takes the line away, so that something else can be written in its place.</summary>
    public void Clear()
    {
        if (_width > 0)
            Console.Error.Write($"\r{new string(' ', _width)}\r");
        _width = 0;
    }

    public void Dispose() => Clear();
}
