using System.CommandLine;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using QuaRot.Checkpoints.Tokenizers;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot tokenize MODEL</c>: the tokens of a text, their number, or how fast they come.</summary>
internal static class TokenizeCommand
{
    private const int Runs = 5;
    private static readonly Argument<DirectoryInfo> Model = new("MODEL") { Description = "Folder with tokenizer.json" };
    private static readonly Argument<string?> Words = new("WORDS") { Description = "The text", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<FileInfo?> Text = new("--text") { Description = "Take the text from a UTF-8 file" };
    private static readonly Option<bool> Count = new("--count") { Description = "Print only the number of tokens" };
    private static readonly Option<bool> Bench = new("--bench") { Description = "Measure how fast the text is tokenized" };

    public static Command Create()
    {
        var command = new Command("tokenize", "Tokens of a text, one a line: id and token") { Model, Words, Text, Count, Bench };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult args)
    {
        string folder = args.GetRequiredValue(Model).FullName;
        string text = Read(args);
        if (args.GetValue(Bench))
            Measure(folder, text);
        else
            Print(Tokenizer.Load(folder), text, args.GetValue(Count));
        return 0;
    }

    private static string Read(ParseResult args) => (args.GetValue(Words), args.GetValue(Text)) switch
    {
        ({ } words, null) => words,
        (null, { Exists: true } file) => File.ReadAllText(file.FullName),
        (null, { } file) => throw new CommandException($"{file}: there is no such file"),
        _ => throw new CommandException("tokenize: give either a text or --text FILE"),
    };

    private static void Print(Tokenizer tokenizer, string text, bool count)
    {
        int[] ids = tokenizer.Encode(text);
        Console.WriteLine(count ? $"{ids.Length}" : string.Join('\n', ids.Select(id => $"{id}\t{JsonSerializer.Serialize(tokenizer.TokenOf(id), s_readable)}")));
    }

    private static readonly JsonSerializerOptions s_readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // Cold: nothing is in the word cache yet. Warm: the same text again. The first tokenizer only warms up the runtime.
    private static void Measure(string folder, string text)
    {
        double megabytes = Encoding.UTF8.GetByteCount(text) / 1e6;
        var warmUp = Tokenizer.Load(folder);
        for (int i = 0; i < Runs; i++)
            warmUp.Encode(text);
        var tokenizer = Tokenizer.Load(folder);
        double cold = Seconds(tokenizer, text);
        double warm = Enumerable.Range(0, Runs).Select(_ => Seconds(tokenizer, text)).Order().ElementAt(Runs / 2);
        Console.WriteLine($"{megabytes:0.00} MB, {tokenizer.Encode(text).Length} tokens; one thread: "
            + $"{megabytes / cold:0.0} MB/s cold, {megabytes / warm:0.0} MB/s warm (median of {Runs})");
    }

    private static double Seconds(Tokenizer tokenizer, string text)
    {
        long started = Stopwatch.GetTimestamp();
        tokenizer.Encode(text);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
