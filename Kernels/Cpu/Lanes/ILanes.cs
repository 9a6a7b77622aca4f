namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>16 float lanes, whatever the vectors of the machine hold: the unit in which the float arithmetic is specified.</summary>
/// <remarks>
/// Kernels are written once, generic over it; each implementation is a struct, so that the compiler makes a separate body of each.
/// All operations are exactly rounded, so that the implementations agree bit for bit (NaN payloads excepted).
/// </remarks>
internal unsafe interface ILanes<T>
    where T : unmanaged, ILanes<T>
{
    /// <summary>Lanes of one value.</summary>
    const int Count = 16;

    /// <summary>True where the machine runs it at full speed.</summary>
    static abstract bool IsFast { get; }

    static abstract T Splat(float value);

    /// <summary>16 floats.</summary>
    static abstract T Load(float* source);

    /// <summary>16 FP16 numbers, widened exactly.</summary>
    static abstract T LoadHalves(ushort* source);

    /// <summary>16 FP16 numbers, none of them infinite or NaN, widened exactly.</summary>
    static abstract T LoadFiniteHalves(ushort* source);

    /// <summary>16 unsigned bytes.</summary>
    static abstract T LoadBytes(byte* source);

    /// <summary>16 unsigned nibbles of 8 bytes, the low one first.</summary>
    static abstract T LoadNibbles(byte* source);

    /// <summary>16 int32, rounded half to even.</summary>
    static abstract T LoadInts(int* source);

    static abstract void Store(float* target, T value);

    /// <summary>Stores lanes that hold integers as 16 int32.</summary>
    static abstract void StoreInts(int* target, T value);

    /// <summary>Stores lanes that hold integers of -128 to 255 as 16 bytes.</summary>
    static abstract void StoreBytes(byte* target, T value);

    static abstract T operator +(T a, T b);

    static abstract T operator -(T a, T b);

    static abstract T operator *(T a, T b);

    static abstract T operator /(T a, T b);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract T FusedMultiplyAdd(T a, T b, T c);

    static abstract T Max(T a, T b);

    static abstract T Min(T a, T b);

    static abstract T Abs(T value);

    /// <summary>Nearest integer, half to even.</summary>
    static abstract T Round(T value);

    /// <summary>value·2^⌊n/2⌋·2^⌈n/2⌉ for lanes n that hold integers of -152 to 130.</summary>
    static abstract T ScaleByPower(T value, T n);

    /// <summary>Lane i becomes lane i ^ stride; stride 1, 2, 4 or 8.</summary>
    static abstract T Swap(T value, int stride);

    /// <summary>Negates the lanes whose index has the bit <paramref name="stride"/>.</summary>
    static abstract T NegateUpper(T value, int stride);

    /// <summary>Adds lanes i and i+8, i+4, i+2, i+1 in turn.</summary>
    static abstract float Fold(T value);

    static abstract float MaxOf(T value);
}
