using System.Reflection;

namespace Orleans.Runtime;

/// <summary>The grain classes of the process, found in the assemblies that reference this one.</summary>
internal static class GrainTypeCatalog
{
    private static readonly Lock s_gate = new();
    private static readonly HashSet<Assembly> s_seen = [];
    private static readonly Dictionary<GrainType, GrainClass> s_byName = [];

    /// <exception cref="ArgumentException">No class of that name.</exception>
    public static GrainClass Named(GrainType type)
    {
        lock (s_gate)
        {
            if (!s_byName.ContainsKey(type))
            {
                Scan();
            }

            return s_byName.TryGetValue(type, out GrainClass? found)
                ? found
                : throw new ArgumentException($"Could not find a grain class for grain type \"{type}\".");
        }
    }

    /// <exception cref="ArgumentException">No class implements the interface, or several do and the prefix does not decide.</exception>
    public static GrainClass Implementing(Type interfaceType, string? classPrefix)
    {
        lock (s_gate)
        {
            List<GrainClass> found = Find(interfaceType, classPrefix);
            if (found.Count == 0)
            {
                Scan();
                found = Find(interfaceType, classPrefix);
            }

            return found.Count switch
            {
                1 => found[0],
                0 => throw new ArgumentException($"Could not find an implementation for interface {interfaceType}."),
                _ => found.Find(candidate => $"I{candidate.Type.Name}" == interfaceType.Name) ?? throw new ArgumentException(
                    $"Several classes implement {interfaceType}: {string.Join(", ", found.Select(candidate => candidate.Type))}."),
            };
        }
    }

    private static List<GrainClass> Find(Type interfaceType, string? classPrefix) =>
        [.. s_byName.Values.Where(candidate => interfaceType.IsAssignableFrom(candidate.Type)
            && (classPrefix is null || candidate.Type.FullName!.StartsWith(classPrefix, StringComparison.Ordinal)))];

    private static void Scan()
    {
        string own = typeof(GrainTypeCatalog).Assembly.GetName().Name!;
        var pending = new Queue<Assembly>(AppDomain.CurrentDomain.GetAssemblies());
        while (pending.TryDequeue(out Assembly? assembly))
        {
            if (assembly.IsDynamic || !s_seen.Add(assembly) || IsFramework(assembly.GetName()))
            {
                continue;
            }

            AssemblyName[] references = assembly.GetReferencedAssemblies();
            if (references.Any(reference => reference.Name == own))
            {
                Add(assembly);
            }

            foreach (AssemblyName reference in references.Where(reference => !IsFramework(reference)))
            {
                pending.Enqueue(Assembly.Load(reference));
            }
        }
    }

    private static void Add(Assembly assembly)
    {
        foreach (Type type in assembly.GetTypes().Where(type =>
            type is { IsClass: true, IsAbstract: false, IsGenericTypeDefinition: false } && typeof(IGrainBase).IsAssignableFrom(type)))
        {
            var grainClass = new GrainClass(type);
            if (!s_byName.TryAdd(grainClass.GrainType, grainClass))
            {
                Type other = s_byName[grainClass.GrainType].Type;
                throw new OrleansConfigurationException(
                    $"Both {type} and {other} are grain type \"{grainClass.GrainType}\": give one a [GrainType].");
            }
        }
    }

    private static bool IsFramework(AssemblyName name) => name.Name is not { } text
        || text is "mscorlib" or "netstandard" or "WindowsBase"
        || text.StartsWith("System", StringComparison.Ordinal) || text.StartsWith("Microsoft.", StringComparison.Ordinal)
        || text.StartsWith("xunit", StringComparison.Ordinal);
}
