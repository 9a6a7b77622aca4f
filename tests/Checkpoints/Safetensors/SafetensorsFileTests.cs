using QuaRot.Checkpoints.Safetensors;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Safetensors;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_come_back_as_written()
    {
        using var file = Open(SafetensorsBytes.Valid(
            ("a", "U8", [2, 3], [1, 2, 3, 4, 5, 6]), ("scalar", "F32", [], [0, 0, 128, 63]), ("none", "F16", [0, 7], [])));

        Assert.Equal(new byte[] { 1, 2, 3, 4, 5, 6 }, file.Bytes("a").ToArray());
        Assert.Equal(1f, BitConverter.ToSingle(file.Bytes("scalar").Span));
        Assert.Equal(0, file.Bytes("none").Length);
        Assert.Equal([2L, 3L], file.Info("a").Shape);
        Assert.Empty(file.Metadata);
    }

    [Fact]
    public void Order_in_the_header_need_not_be_order_in_the_file()
    {
        const string Header =
            """{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}   """;
        using var file = Open(Header, [7, 8, 9]);

        Assert.Equal(new byte[] { 7, 8 }, file.Bytes("a").ToArray());
        Assert.Equal(new byte[] { 9 }, file.Bytes("b").ToArray());
    }

    [Fact]
    public void Metadata_is_kept()
    {
        using var file = Open("""{"__metadata__":{"format":"pt","x":"y"}}""", []);

        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public void Unknown_type_is_listed_but_cannot_be_read()
    {
        using var file = Open("""{"odd":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}""", [1, 2]);

        Assert.Equal("F4", file.Info("odd").DType);
        Mentions(Assert.Throws<CheckpointException>(() => file.Bytes("odd")), "'odd'", "F4");
    }

    [Fact]
    public void Missing_tensor_is_named()
    {
        using var file = Open("{}", []);

        Mentions(Assert.Throws<CheckpointException>(() => file.Bytes("nope")), "'nope'", "missing");
    }

    [Fact]
    public void Two_gibibytes_are_refused_by_name()
    {
        const long Size = 1L << 31;
        string path = _folder.File("big.safetensors");
        byte[] start = SafetensorsBytes.Raw($$$"""{"big":{"dtype":"U8","shape":[{{{Size}}}],"data_offsets":[0,{{{Size}}}]}}""", []);
        using (var stream = File.Create(path))
        {
            stream.Write(start);
            stream.SetLength(start.Length + Size);
        }

        using var file = SafetensorsFile.Open(path);
        Mentions(Assert.Throws<CheckpointException>(() => file.Bytes("big")), "'big'", "2 GiB");
    }

    [Fact]
    public void Views_of_a_disposed_file_throw()
    {
        var file = Open(SafetensorsBytes.Valid(("a", "U8", [1], [1])));
        var view = file.Bytes("a");
        file.Dispose();
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => view.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => file.Bytes("a"));
    }

    [Fact]
    public void Many_threads_read_the_same_bytes()
    {
        byte[] data = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)];
        using var file = Open(SafetensorsBytes.Valid(("a", "U8", [1000], data), ("b", "U8", [1000], data)));

        Parallel.For(0, 200, i => Assert.Equal(data, file.Bytes(i % 2 == 0 ? "a" : "b").ToArray()));
    }

    private SafetensorsFile Open(byte[] bytes)
    {
        string path = _folder.File("t.safetensors");
        File.WriteAllBytes(path, bytes);
        return SafetensorsFile.Open(path);
    }

    private SafetensorsFile Open(string header, byte[] data) => Open(SafetensorsBytes.Raw(header, data));

    private static void Mentions(CheckpointException error, params string[] parts) =>
        Assert.All(parts.Append(".safetensors"), part => Assert.Contains(part, error.Message));
}
