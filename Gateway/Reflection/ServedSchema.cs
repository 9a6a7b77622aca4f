using Google.Protobuf.Reflection;
using QuaRot.Contracts.Health;
using QuaRot.Contracts.V1;
using QuaRot.Contracts.Vllm;

namespace QuaRot.Gateway.Reflection;

/// <summary>The services of this gateway with all they are made of: files by name and by the symbols they define.</summary>
internal static class ServedSchema
{
    private static readonly ServiceDescriptor[] OwnServices =
    [
        Inference.Descriptor, VllmEngine.Descriptor, Health.Descriptor,
        Contracts.Reflection.V1.ServerReflection.Descriptor, Contracts.Reflection.V1Alpha.ServerReflection.Descriptor,
    ];

    private static readonly Dictionary<string, FileDescriptor> Files =
        OwnServices.SelectMany(s => WithImports(s.File)).DistinctBy(f => f.Name).ToDictionary(f => f.Name);

    private static readonly Dictionary<string, FileDescriptor> Symbols =
        Files.Values.SelectMany(f => Names(f).Select(n => (Name: n, File: f))).ToDictionary(s => s.Name, s => s.File);

    private static readonly HashSet<string> Messages =
        [.. Files.Values.SelectMany(f => f.MessageTypes).SelectMany(WithNested).Select(m => m.FullName)];

    /// <summary>Full names of the services.</summary>
    public static IReadOnlyList<string> Services { get; } = [.. OwnServices.Select(s => s.FullName)];

    /// <summary>Full names of those that need the model.</summary>
    public static IReadOnlyList<string> ModelServices { get; } = [Inference.Descriptor.FullName, VllmEngine.Descriptor.FullName];

    public static FileDescriptor? File(string name) => Files.GetValueOrDefault(name);

    public static FileDescriptor? FileOfSymbol(string fullName) => Symbols.GetValueOrDefault(fullName);

    public static bool IsMessage(string fullName) => Messages.Contains(fullName);

    /// <summary>The file itself, then everything it imports, directly or not.</summary>
    public static IReadOnlyList<FileDescriptor> WithImports(FileDescriptor file)
    {
        var found = new List<FileDescriptor> { file };
        for (var i = 0; i < found.Count; i++)
            found.AddRange(found[i].Dependencies.Where(d => !found.Contains(d)).ToArray());
        return found;
    }

    private static IEnumerable<string> Names(FileDescriptor file) =>
    [
        .. file.Services.SelectMany(s => s.Methods.Select(m => m.FullName).Prepend(s.FullName)),
        .. file.EnumTypes.SelectMany(Names),
        .. file.MessageTypes.SelectMany(WithNested).SelectMany(m => (string[])
        [
            m.FullName, .. m.Fields.InDeclarationOrder().Select(f => f.FullName), .. m.Oneofs.Select(o => o.FullName), .. m.EnumTypes.SelectMany(Names),
        ]),
    ];

    private static IEnumerable<string> Names(EnumDescriptor type) => type.Values.Select(v => v.FullName).Prepend(type.FullName);

    private static IEnumerable<MessageDescriptor> WithNested(MessageDescriptor message) =>
        message.NestedTypes.SelectMany(WithNested).Prepend(message);
}
