using QuaRot.Checkpoints.Safetensors;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Safetensors;

/// <summary>Every damaged file is refused when it is opened, by an error that names the file, the tensor and the fault.</summary>
public sealed class BadSafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,3]}}""", "takes 4 bytes, data_offsets give it 3")]
    [InlineData("""{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "takes 8 bytes")]
    [InlineData("""{"t":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", "truncated")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[-1,3]}}""", "data_offsets[0] is -1")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "backwards")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551615]}}""", "data_offsets[1] is 18446744073709551615")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,1e30]}}""", "data_offsets[1] is 1e30")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[9223372036854775804,9223372036854775807]}}""", "pass the end")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0]}}""", "1 entries instead of 2")]
    [InlineData("""{"t":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "shape[0] is -4")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4.5],"data_offsets":[0,4]}}""", "shape[0] is 4.5")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}""", "too large to count")]
    [InlineData("""{"t":{"dtype":"U8","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,1]}}""", "too large to count")]
    [InlineData("""{"t":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}""", "shape is missing or not an array")]
    [InlineData("""{"t":{"shape":[4],"data_offsets":[0,4]}}""", "dtype is missing")]
    [InlineData("""{"t":[1,2]}""", "not an object")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"t":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
         "inside of 'a'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
         "inside of 'a'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
         "so 1 bytes")]
    [InlineData("""{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "twice")]
    public void Wrong_entry(string header, string fault) => Refused(SafetensorsBytes.Raw(header, [1, 2, 3, 4]), "'t'", fault);

    [Fact]
    public void Bytes_after_the_last_tensor() =>
        Refused([.. SafetensorsBytes.Valid(("t", "U8", [1], [1])), 2, 3], "2 bytes after 't' belong to no tensor");

    [Theory]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\"t\":", "not valid JSON")]
    [InlineData("", "not valid JSON")]
    [InlineData("""{"__metadata__":{"a":1}}""", "__metadata__.a is not a string")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "twice")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[],"data_offsets":[0,0]}}""", "not valid JSON")]
    public void Wrong_header(string header, string fault) => Refused(SafetensorsBytes.Raw(header, []), fault);

    [Theory]
    [InlineData(100UL, "claims a header of 100 bytes")]
    [InlineData(100_000_001UL, "the limit is 100000000")]
    [InlineData(ulong.MaxValue, "the limit is 100000000")]
    public void Header_length_that_lies(ulong length, string fault) => Refused(SafetensorsBytes.Raw("{}", [], length), fault);

    [Fact]
    public void Every_truncation_is_noticed()
    {
        byte[] whole = SafetensorsBytes.Valid(("a", "U8", [3], [1, 2, 3]), ("b", "F16", [2], [1, 2, 3, 4]));

        for (int length = 0; length < whole.Length; length++)
            Refused(whole[..length]);
    }

    [Fact]
    public void Missing_file_is_named()
    {
        var error = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_folder.File("gone.safetensors")));

        Assert.Contains("gone.safetensors", error.Message);
    }

    private void Refused(byte[] bytes, params string[] parts)
    {
        string path = _folder.File("bad.safetensors");
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(path).Dispose());
        Assert.Equal(path, error.File);
        Assert.All(parts, part => Assert.Contains(part, error.Message));
    }
}
