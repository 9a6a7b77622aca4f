using System.Text.RegularExpressions;
using Xunit;

namespace QuaRot.Structure.Tests;

/// <summary>Rules that a reader of the code relies on (CONTRIBUTING.md, "House rules").</summary>
public sealed partial class SourceRulesTests
{
    private const int LongestFile = 350;
    private const int StandInBudget = 4000;

    private static readonly string[] Product =
        ["Contracts", "Checkpoints", "Kernels", "Engine", "Grains", "Silo", "Gateway", "Cli", "Compat"];

    private static readonly string[] EmptyNames = ["util", "helper", "manager", "misc", "common"];

    [Fact]
    public void No_source_file_is_longer_than_the_limit() => Check(Sources(), (file, text) =>
        text.Count(c => c == '\n') > LongestFile ? $"has more than {LongestFile} lines" : null);

    [Fact]
    public void No_file_has_a_name_that_says_nothing() => Check(Sources(), (file, _) =>
        EmptyNames.Any(n => Path.GetFileNameWithoutExtension(file).Contains(n, StringComparison.OrdinalIgnoreCase)) ? "says nothing by its name" : null);

    [Fact]
    public void Nothing_is_left_unfinished_or_swallowed() => Check(Sources(), (_, text) =>
        Unfinished().Match(text) is { Success: true } match ? $"holds '{match.Value}'" : null);

    [Fact]
    public void Product_code_has_no_conditional_compilation() => Check(Product.SelectMany(f => Repository.Files(f, "*.cs")), (_, text) =>
        Regex.IsMatch(text, @"^\s*#if\b", RegexOptions.Multiline) ? "has an #if" : null);

    [Fact]
    public void Tests_do_not_sleep() => Check(Repository.Files("tests", "*.cs"), (file, text) =>
        file.EndsWith("SourceRulesTests.cs", StringComparison.Ordinal) ? null : Sleep().Match(text) is { Success: true } match ? $"holds '{match.Value}'" : null);

    // tests/run.sh picks them by it for the emulated GPU.
    [Fact]
    public void Tests_of_a_GPU_say_so() => Check(Repository.Files("tests", "*.cs"), (file, text) =>
        text.Contains("SharedGpu.Require", StringComparison.Ordinal) && !text.Contains("\"device\", \"gpu\"", StringComparison.Ordinal)
            && Path.GetFileName(file) is not ("SharedGpu.cs" or "SourceRulesTests.cs") ? "lacks the trait device=gpu" : null);

    [Fact]
    public void One_Log_class_per_project() => Check(Product.SelectMany(f => Repository.Files(f, "*.cs")), (file, text) =>
        text.Contains("[LoggerMessage(", StringComparison.Ordinal) && Path.GetFileName(file) != "Log.cs" ? "declares log messages outside Log.cs" : null);

    [Fact]
    public void The_stand_ins_stay_small()
    {
        var lines = Repository.Files("Compat", "*.cs").Sum(f => File.ReadLines(f).Count(IsCode));
        Assert.True(lines <= StandInBudget, $"Compat/ has {lines} lines of code; its budget is {StandInBudget}");
    }

    // A line that is not blank, not a comment and not a lone brace.
    private static bool IsCode(string line) =>
        line.Trim() is { Length: > 0 } text && !text.StartsWith("//", StringComparison.Ordinal) && text.Trim('{', '}', ';', ',', ')').Length > 0;

    private static IEnumerable<string> Sources() => Product.Append("tests").SelectMany(f => Repository.Files(f, "*.cs"));

    private static void Check(IEnumerable<string> files, Func<string, string, string?> rule)
    {
        var faults = files.Select(f => (f, fault: rule(f, File.ReadAllText(f)))).Where(x => x.fault is not null)
            .Select(x => $"{Repository.Relative(x.f)} {x.fault}").ToList();
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [GeneratedRegex(@"NotImplementedException\(|\bTO" + @"DO\b|\bFIX" + @"ME\b|catch\s*(\([^)]*\))?\s*\{\s*\}")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"Thread\.Sleep|Task\.Delay")]
    private static partial Regex Sleep();
}
