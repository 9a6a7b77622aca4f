namespace QuaRot.Compat.Orleans.Tests;

[GenerateSerializer]
public class Basket
{
    [Id(0)]
    public List<int> Items { get; set; } = [];

    [Id(1)]
    public readonly string Name;

    [NonSerialized]
    public int StaysHere = 7;

    public Basket()
        : this("")
    {
    }

    public Basket(string name) => Name = name;
}

[GenerateSerializer]
public sealed class GiftBasket(string name) : Basket(name)
{
    [Id(0)]
    public Dictionary<string, int[]> Cards { get; init; } = [];

    public GiftBasket()
        : this("")
    {
    }
}

[GenerateSerializer]
public record Parcel(int Weight, byte[] Content, Parcel? Inner, (int, string?) Label);

[GenerateSerializer]
public readonly record struct Mark(int Position, DateTimeOffset At);

[GenerateSerializer]
[Immutable]
public sealed record Frozen(int[] Values);

public sealed class Unmarked
{
    public int Value { get; set; }
}

[GenerateSerializer]
public sealed class PriceException(string message, int price) : Exception(message)
{
    [Id(0)]
    public int Price { get; } = price;

    [field: NonSerialized]
    public object? StaysHere { get; set; } = new();
}

/// <summary>Keeps what it is given, and gives it back.</summary>
public interface ICopyGrain : IGrainWithStringKey
{
    Task<Basket> Keep(Basket basket);

    Task<int> SumOfKept();

    Task<Parcel?> Echo(Parcel? parcel);

    Task<List<Mark>> EchoMarks(IReadOnlyList<Mark> marks);

    Task<int[][]> EchoArrays(int[][] arrays);

    Task<bool> AreTheSame(Basket first, Basket second);

    Task TakeUnmarked(object value);

    Task<object> GiveUnmarked();

    Task ThrowPrice();

    Task ThrowArgument();

    Task<bool> NeighbourGetsTheSame(string neighbour);

    Task<bool> IsSame(Frozen frozen);
}

/// <inheritdoc/>
[KeyedPlacement]
public class CopyGrain : Grain, ICopyGrain
{
    private static Frozen? s_sent;
    private Basket _kept = new();

    public Task<Basket> Keep(Basket basket) => Task.FromResult(_kept = basket);

    public Task<int> SumOfKept() => Task.FromResult(_kept.Items.Sum());

    public Task<Parcel?> Echo(Parcel? parcel) => Task.FromResult(parcel);

    public Task<List<Mark>> EchoMarks(IReadOnlyList<Mark> marks) => Task.FromResult(marks.ToList());

    public Task<int[][]> EchoArrays(int[][] arrays) => Task.FromResult(arrays);

    public Task<bool> AreTheSame(Basket first, Basket second) => Task.FromResult(ReferenceEquals(first, second));

    public Task TakeUnmarked(object value) => Task.CompletedTask;

    public Task<object> GiveUnmarked() => Task.FromResult<object>(new Unmarked());

    public Task ThrowPrice() => throw new PriceException("too dear", 12);

    public Task ThrowArgument() => throw new ArgumentOutOfRangeException("depth", "too deep");

    public Task<bool> NeighbourGetsTheSame(string neighbour)
    {
        s_sent = new Frozen([1, 2]);
        return GrainFactory.GetGrain<ICopyGrain>(neighbour).IsSame(s_sent);
    }

    public Task<bool> IsSame(Frozen frozen) => Task.FromResult(ReferenceEquals(frozen, s_sent));
}
