using System.CommandLine;
using System.Globalization;
using QuaRot.Cli.Client;
using Spectre.Console;

namespace QuaRot.Cli.Commands;

/// <summary><c>quarot loadtest</c>: what clients see of a running gateway, alone and in company.</summary>
internal static class LoadtestCommand
{
    private static readonly ConnectionOptions Gateway = new();
    private static readonly SamplingOptions Sampling = new();
    private static readonly Option<int[]> Streams = new("--streams") { Description = "Answers that are streamed together; several numbers are measured one after the other", DefaultValueFactory = _ => [1, 8], AllowMultipleArgumentsPerToken = true };
    private static readonly Option<int> Rounds = new("--rounds") { Description = "Rounds to take the median of", DefaultValueFactory = _ => 3 };
    private static readonly Option<int> WarmUp = new("--warm-up") { Description = "Rounds before those, not counted", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> Prompt = new("--prompt") { Description = "Text to continue; each answer gets a number behind it", DefaultValueFactory = _ => "The history of the" };
    private static readonly Option<FileInfo?> Json = new("--json") { Description = "Write the figures to this file too" };

    public static Command Create()
    {
        var command = new Command("loadtest", "Time to first token and tokens per second that clients of a running gateway see") { Streams, Rounds, WarmUp, Prompt, Json };
        Gateway.AddTo(command);
        Sampling.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static async Task<int> Run(ParseResult args, CancellationToken cancellationToken)
    {
        var (rounds, warmUp, streams) = (args.GetValue(Rounds), args.GetValue(WarmUp), args.GetRequiredValue(Streams));
        OptionCheck.AtLeast(Rounds, rounds, 1);
        OptionCheck.AtLeast(WarmUp, warmUp, 0);
        foreach (var count in streams)
            OptionCheck.AtLeast(Streams, count, 1);
        using var channel = Gateway.Open(args);
        var run = new LoadRun(channel, args.GetRequiredValue(Prompt), Sampling.Read(args));
        var rows = new List<Row>();
        var next = 0;
        foreach (var count in streams)
        {
            for (var i = 0; i < warmUp; i++)
                await run.RunAsync(count, next++, cancellationToken);
            var measured = new List<LoadRound>();
            for (var i = 0; i < rounds; i++)
                measured.Add(await run.RunAsync(count, next++, cancellationToken));
            rows.Add(Row.Of(count, measured));
        }

        Print(rows);
        if (args.GetValue(Json) is { } file)
            FiguresFile.Write(file, rows);
        return 0;
    }

    private static void Print(List<Row> rows)
    {
        var table = new Table().AddColumns("streams", "tokens", "first, ms", "worst, ms", "tok/s each", "tok/s all");
        foreach (var row in rows)
        {
            table.AddRow($"{row.Streams}", $"{row.Tokens}", Number(row.FirstTokenMilliseconds), Number(row.WorstFirstTokenMilliseconds),
                row.TokensPerSecondOfOne is { } one ? Number(one) : "–", Number(row.TokensPerSecond));
        }

        Terminal.Out.Write(table);
    }

    private static string Number(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    /// <summary>Medians over the rounds; of a round's answers the median too, or the worst.</summary>
    private sealed record Row(
        int Streams, int Tokens, double FirstTokenMilliseconds, double WorstFirstTokenMilliseconds, double? TokensPerSecondOfOne, double TokensPerSecond)
    {
        public static Row Of(int streams, List<LoadRound> rounds)
        {
            var answers = rounds.SelectMany(round => round.Answers).ToList();
            double[] rates = [.. answers.Select(answer => answer.TokensPerSecond).OfType<double>()];
            return new Row(
                streams, rounds.Sum(round => round.Tokens), Median(answers.Select(answer => answer.First.TotalMilliseconds)),
                answers.Max(answer => answer.First.TotalMilliseconds), rates.Length == 0 ? null : Median(rates), Median(rounds.Select(round => round.TokensPerSecond)));
        }

        private static double Median(IEnumerable<double> values)
        {
            double[] sorted = [.. values.Order()];
            return sorted[sorted.Length / 2];
        }
    }
}
