namespace QuaRot.Kernels.Cpu.Lanes;

/// <summary>
/// 64 bytes, 32 int16 or 16 int32, whatever the vectors of the machine hold: the unit of the integer GEMM. All of it is exact.
/// </summary>
internal unsafe interface IByteLanes<T>
    where T : unmanaged, IByteLanes<T>
{
    /// <summary>Bytes of one value.</summary>
    const int Size = 64;

    /// <summary>True where the machine has the instructions.</summary>
    static abstract bool IsFast { get; }

    /// <summary>True where a loop can keep a dozen values in registers.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract T Zero { get; }

    /// <summary>64 bytes.</summary>
    static abstract T Load(byte* source);

    static abstract void Store(byte* target, T value);

    /// <summary>32 signed bytes as int16.</summary>
    static abstract T LoadWidened(sbyte* source);

    /// <summary>The four bytes at <paramref name="source"/>, 16 times.</summary>
    static abstract T Repeat(void* source);

    static abstract T LowNibbles(T bytes);

    static abstract T HighNibbles(T bytes);

    /// <summary>Products of unsigned and signed bytes, added in pairs to int16; the caller keeps them from overflow.</summary>
    static abstract T MultiplyAddBytes(T unsigned, T signed);

    static abstract T AddShorts(T a, T b);

    /// <summary>Adds pairs of int16 to 16 int32.</summary>
    static abstract T AddPairs(T sums, T shorts);

    /// <summary>Products of int16, added in pairs to int32, added to <paramref name="sums"/>.</summary>
    static abstract T MultiplyAddShorts(T a, T b, T sums);

    /// <summary>The lower int16 of the int32 lanes of two values: those of <paramref name="even"/> below those of the other.</summary>
    static abstract T PairShorts(T even, T odd);

    static abstract T AddInts(T a, T b);

    static abstract T SubtractInts(T a, T b);

    /// <summary>For int32 lanes u and v whose indices differ in the bit <paramref name="stride"/> (1, 2, 4 or 8): u + v and u - v.</summary>
    static abstract T ButterflyInts(T value, int stride);

    static abstract void StoreInts(int* target, T value);
}
