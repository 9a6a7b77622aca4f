using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Orleans.Serialization;

/// <summary>Moves the travelling members from one instance to another.</summary>
internal delegate void MemberCopy<T>(ref T source, ref T target, Copier[] copiers, CopyContext context);

/// <summary>Types with [GenerateSerializer], and tuples. The other members are as the parameterless constructor makes them.</summary>
internal sealed class MemberwiseCopier<T> : Copier<T>
{
    private readonly bool _immutable = typeof(T).IsDefined(typeof(ImmutableAttribute), false);
    private Copier[] _copiers = [];
    private MemberCopy<T>? _copyMembers;

    public MemberwiseCopier() => IsShared = _immutable && (typeof(T).IsValueType || typeof(T).IsSealed);

    public override T Copy(T value, CopyContext context)
    {
        if (value is null)
        {
            return value;
        }

        if (typeof(T).IsValueType)
        {
            return IsShared ? value : CopyMembers(value, context);
        }

        if (value.GetType() != typeof(T))
        {
            return (T)For(value.GetType(), $"a value given as {typeof(T)}").CopyObject(value, context)!;
        }

        object boxed = value;
        return _immutable || context.TryGet(ref boxed) ? (T)boxed : CopyMembers(value, context);
    }

    protected override void Resolve()
    {
        List<TravellingField> fields = TravellingField.Of(typeof(T));
        _copiers = [.. fields.Select(field => For(field.Info.FieldType, $"{field.Name} of {typeof(T)}"))];
        int all = typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length;
        IsShared |= typeof(T).IsValueType && all == fields.Count && _copiers.All(copier => copier.IsShared);
        if (!typeof(T).IsAbstract)
        {
            _copyMembers = MemberCopyCode.Emit<T>(fields, _copiers);
        }
    }

    private T CopyMembers(T value, CopyContext context)
    {
        T copy = NewInstance<T>.Create();
        if (!typeof(T).IsValueType)
        {
            context.Add(value!, (object)copy!);
        }

        _copyMembers!(ref value, ref copy, _copiers, context);
        return copy;
    }
}

/// <summary>Makes an instance by the parameterless constructor where there is one.</summary>
internal static class NewInstance<T>
{
    private static readonly bool s_constructible =
        typeof(T).GetConstructor(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, Type.EmptyTypes) is not null;

    public static T Create() => typeof(T).IsValueType ? default!
        : s_constructible ? (T)Activator.CreateInstance(typeof(T), nonPublic: true)!
        : (T)RuntimeHelpers.GetUninitializedObject(typeof(T));
}

/// <summary>Generates the code of a <see cref="MemberCopy{T}"/>: reflection would cost more than the calls themselves.</summary>
internal static class MemberCopyCode
{
    public static MemberCopy<T> Emit<T>(List<TravellingField> fields, Copier[] copiers)
    {
        var method = new DynamicMethod("CopyMembers", typeof(void),
            [typeof(T).MakeByRefType(), typeof(T).MakeByRefType(), typeof(Copier[]), typeof(CopyContext)], typeof(Copier).Module, true);
        ILGenerator code = method.GetILGenerator();
        for (int i = 0; i < fields.Count; i++)
        {
            EmitField<T>(code, fields[i], copiers[i], i);
        }

        code.Emit(OpCodes.Ret);
        return method.CreateDelegate<MemberCopy<T>>();
    }

    private static void EmitField<T>(ILGenerator code, TravellingField field, Copier copier, int index)
    {
        Type copierType = typeof(Copier<>).MakeGenericType(field.Info.FieldType);
        bool shared = copier.IsShared || field.Immutable;
        EmitInstance<T>(code, OpCodes.Ldarg_1);
        if (!shared)
        {
            code.Emit(OpCodes.Ldarg_2);
            code.Emit(OpCodes.Ldc_I4, index);
            code.Emit(OpCodes.Ldelem_Ref);
            code.Emit(OpCodes.Castclass, copierType);
        }

        EmitInstance<T>(code, OpCodes.Ldarg_0);
        code.Emit(OpCodes.Ldfld, field.Info);
        if (!shared)
        {
            code.Emit(OpCodes.Ldarg_3);
            code.Emit(OpCodes.Callvirt, copierType.GetMethod(nameof(Copier<object>.Copy))!);
        }

        code.Emit(OpCodes.Stfld, field.Info);
    }

    private static void EmitInstance<T>(ILGenerator code, OpCode argument)
    {
        code.Emit(argument);
        if (!typeof(T).IsValueType)
        {
            code.Emit(OpCodes.Ldind_Ref);
        }
    }
}
