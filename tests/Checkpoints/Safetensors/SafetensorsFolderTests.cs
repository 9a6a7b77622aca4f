using QuaRot.Checkpoints.Safetensors;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Safetensors;

public sealed class SafetensorsFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Index_leads_to_the_files()
    {
        Shard("one.safetensors", "a", 1);
        Shard("two.safetensors", "b", 2);
        Index("""{"a":"one.safetensors","b":"two.safetensors"}""");

        using var folder = SafetensorsFolder.Open(_folder.Path);
        Assert.Equal(["a", "b"], folder.Names.Order());
        Assert.Equal(new byte[] { 2 }, folder.Bytes("b").ToArray());
        Assert.EndsWith("one.safetensors", folder.FileOf("a").Path);
        Assert.False(folder.Contains("c"));
        Refused(() => folder.Bytes("c"), "index.json", "'c'");
    }

    [Fact]
    public void Single_file_wins_over_an_index()
    {
        Shard("model.safetensors", "a", 1);
        Index("""{"b":"gone.safetensors"}""");

        using var folder = SafetensorsFolder.Open(_folder.Path);
        Assert.Equal(["a"], folder.Names);
    }

    [Fact]
    public void A_file_is_opened_only_when_needed()
    {
        Shard("one.safetensors", "a", 1);
        File.WriteAllText(_folder.File("broken.safetensors"), "no");
        Index("""{"a":"one.safetensors","b":"broken.safetensors"}""");

        using var folder = SafetensorsFolder.Open(_folder.Path);
        Assert.Equal(1, folder.Bytes("a").Length);
        Refused(() => folder.Bytes("b"), "broken.safetensors", "too short");
    }

    [Fact]
    public void Tensor_that_the_listed_file_lacks_is_named()
    {
        Shard("one.safetensors", "a", 1);
        Index("""{"b":"one.safetensors"}""");

        using var folder = SafetensorsFolder.Open(_folder.Path);
        Refused(() => folder.Bytes("b"), "one.safetensors", "'b'", "missing");
    }

    [Theory]
    [InlineData("../x.safetensors")]
    [InlineData("sub/../../x.safetensors")]
    [InlineData("/etc/x.safetensors")]
    [InlineData("C:\\\\x.safetensors")]
    [InlineData("..\\\\x.safetensors")]
    [InlineData("")]
    public void Names_that_leave_the_folder_are_refused(string name)
    {
        Index($$"""{"a":"{{name}}"}""");

        Refused(() => SafetensorsFolder.Open(_folder.Path), "weight_map['a']", "not inside");
    }

    [Theory]
    [InlineData("""{"a":"gone.safetensors"}""", "'gone.safetensors', which is missing")]
    [InlineData("""{"a":1}""", "weight_map['a'] is not a file name")]
    [InlineData("[]", "weight_map is missing")]
    [InlineData("{", "cannot be read")]
    public void Wrong_index(string map, string fault)
    {
        Index(map);

        Refused(() => SafetensorsFolder.Open(_folder.Path), "model.safetensors.index.json", fault);
    }

    [Fact]
    public void Duplicate_tensor_in_the_index_is_refused()
    {
        Shard("one.safetensors", "a", 1);
        Index("""{"a":"one.safetensors","a":"one.safetensors"}""");

        Refused(() => SafetensorsFolder.Open(_folder.Path), "'a' twice");
    }

    [Fact]
    public void Empty_folder_is_refused() => Refused(() => SafetensorsFolder.Open(_folder.Path), "neither model.safetensors nor");

    private void Shard(string file, string tensor, byte value) =>
        File.WriteAllBytes(_folder.File(file), SafetensorsBytes.Valid((tensor, "U8", [1], [value])));

    private void Index(string map) => _folder.Write("model.safetensors.index.json", $$"""{"metadata":{},"weight_map":{{map}}}""");

    private static void Refused(Func<object> action, params string[] parts)
    {
        var error = Assert.Throws<CheckpointException>(action);
        Assert.All(parts, part => Assert.Contains(part, error.Message));
    }
}
