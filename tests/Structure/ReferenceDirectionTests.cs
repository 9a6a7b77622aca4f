using System.Xml.Linq;
using Xunit;

namespace QuaRot.Structure.Tests;

/// <summary>References between projects point one way (ARCHITECTURE.md, "Layers").</summary>
public sealed class ReferenceDirectionTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Contracts"] = [],
        ["Checkpoints"] = [],
        ["Kernels"] = ["Checkpoints"],
        ["Engine"] = ["Checkpoints", "Kernels"],
        ["Grains"] = ["Contracts", "Engine"],
        ["Silo"] = ["Grains"],
        ["Gateway"] = ["Contracts", "Checkpoints"],
        ["Cli"] = ["Contracts", "Checkpoints", "Kernels", "Engine", "Grains", "Silo", "Gateway"],
        ["Orleans"] = [],
        ["Grpc"] = [],
        ["ManagedCuda"] = [],
    };

    public static TheoryData<string> Projects() => [.. ProductProjects().Select(Repository.Relative)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_layers_below_it(string project)
    {
        var layer = Path.GetFileName(Path.GetDirectoryName(project))!;
        Assert.True(Allowed.ContainsKey(layer), $"{project}: this layer is not in the table of allowed references");
        foreach (var reference in References(project))
            Assert.True(Allowed[layer].Contains(reference), $"{project} must not reference {reference}");
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void The_switch_between_packages_and_stand_ins_is_in_one_place(string project)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, project));
        foreach (var word in new[] { "Microsoft.Orleans", "Grpc.AspNetCore", "Grpc.Net", "ManagedCuda-", "Compat/" })
        {
            var isTheStandIn = project.StartsWith("Compat", StringComparison.Ordinal);
            Assert.True(isTheStandIn || !text.Contains(word, StringComparison.Ordinal), $"{project}: '{word}' belongs in Directory.Build.targets");
        }
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "QuaRot.Cluster.sln")).Replace('\\', '/');
        foreach (var project in ProductProjects().Concat(Repository.Files("tests", "*.csproj")))
            Assert.Contains(Repository.Relative(project), solution, StringComparison.Ordinal);
    }

    private static IEnumerable<string> ProductProjects() =>
        Repository.Files("", "*.csproj").Where(p => !Repository.Relative(p).StartsWith("tests", StringComparison.Ordinal)
            && !Repository.Relative(p).StartsWith("build", StringComparison.Ordinal));

    private static IEnumerable<string> References(string project) =>
        XDocument.Load(Path.Combine(Repository.Root, project)).Descendants("ProjectReference")
            .Select(r => Path.GetFileName(Path.GetDirectoryName(r.Attribute("Include")!.Value.Replace("$(RepositoryRoot)", "/", StringComparison.Ordinal).Replace('\\', '/')))!);
}
