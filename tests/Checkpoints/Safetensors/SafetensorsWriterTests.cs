using QuaRot.Checkpoints.Safetensors;
using Xunit;

namespace QuaRot.Checkpoints.Tests.Safetensors;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        SafetensorsTensor[] tensors =
        [
            new("bytes", "U8", [3], new byte[] { 1, 2, 3 }),
            new("wide", "F32", [2, 1], new byte[] { 1, 0, 0, 0, 2, 0, 0, 0 }),
            new("half", "F16", [1], new byte[] { 5, 6 }),
            new("empty", "I8", [0, 7], ReadOnlyMemory<byte>.Empty),
            new("strange \"name\" é", "I8", [1], new byte[] { 255 }),
        ];
        string path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["format"] = "pt" });
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal(5, file.Tensors.Count);
        Assert.Equal("pt", file.Metadata["format"]);
        foreach (SafetensorsTensor tensor in tensors)
        {
            Assert.Equal(tensor.DType, file.Info(tensor.Name).DType);
            Assert.Equal(tensor.Shape, file.Info(tensor.Name).Shape);
            Assert.Equal(tensor.Data.ToArray(), file.Bytes(tensor.Name).ToArray());
        }
    }

    [Fact]
    public void TensorsAreAlignedToTheirElements()
    {
        string path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(
            path, [new("a", "U8", [1], new byte[1]), new("b", "F16", [1], new byte[2]), new("c", "F32", [1], new byte[4])]);
        Assert.Equal(0UL, BitConverter.ToUInt64(File.ReadAllBytes(path)) % 8);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal((0, 4, 6), (file.Info("c").Begin, file.Info("b").Begin, file.Info("a").Begin));
    }

    [Fact]
    public void TheOrderOfTheTensorsDoesNotMatter()
    {
        SafetensorsTensor[] tensors =
            [new("a", "U8", [1], new byte[1]), new("b", "U8", [1], new byte[1]), new("c", "F32", [1], new byte[4])];
        SafetensorsWriter.Write(_folder.File("a"), tensors);
        SafetensorsWriter.Write(_folder.File("b"), tensors.Reverse());
        Assert.Equal(File.ReadAllBytes(_folder.File("a")), File.ReadAllBytes(_folder.File("b")));
    }

    [Fact]
    public void BadTensorsAreNamed()
    {
        Assert.Equal("tensor 'a': F32 [2] takes 8 bytes, it has 4", Message(new SafetensorsTensor("a", "F32", [2], new byte[4])));
        Assert.Equal("tensor 'a': element type Q4 is not known", Message(new SafetensorsTensor("a", "Q4", [2], new byte[4])));
        Assert.Equal("tensor 'a' is there twice, or has the name of the metadata",
            Message(new SafetensorsTensor("a", "U8", [1], new byte[1]), new SafetensorsTensor("a", "U8", [1], new byte[1])));
        Assert.False(File.Exists(_folder.File("x")));
    }

    [Fact]
    public void ElementsMayComeWhenTheirTurnComes()
    {
        TensorSpec[] specs = [new("a", "U8", [2]), new("b", "F32", [1])];
        var order = new List<string>();
        SafetensorsWriter.Write(_folder.File("streamed"), specs, (spec, stream) =>
        {
            order.Add(spec.Name);
            stream.Write(new byte[spec.ByteLength]);
        });
        Assert.Equal(["b", "a"], order);
        SafetensorsWriter.Write(_folder.File("whole"), [new("a", "U8", [2], new byte[2]), new("b", "F32", [1], new byte[4])]);
        Assert.Equal(File.ReadAllBytes(_folder.File("whole")), File.ReadAllBytes(_folder.File("streamed")));
        var error = Assert.Throws<ArgumentException>(
            () => SafetensorsWriter.Write(_folder.File("short"), specs, (_, stream) => stream.Write(new byte[1])));
        Assert.Equal("tensor 'b': F32 [1] takes 4 bytes, it has 1", error.Message);
    }

    private string Message(params SafetensorsTensor[] tensors) =>
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(_folder.File("x"), tensors)).Message;
}
