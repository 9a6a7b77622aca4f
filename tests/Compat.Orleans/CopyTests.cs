using Orleans.Serialization;
using Xunit;

namespace QuaRot.Compat.Orleans.Tests;

public sealed class CopyTests(ClusterFixture fixture)
{
    private readonly ICopyGrain _grain = fixture.Grains.GetGrain<ICopyGrain>(Guid.NewGuid().ToString());

    [Fact]
    public async Task ArgumentsAndResultsAreCopies()
    {
        var sent = new Basket("mine") { Items = [1, 2] };
        Basket back = await _grain.Keep(sent);
        sent.Items.Add(100);
        back.Items.Add(1000);
        Assert.Equal(3, await _grain.SumOfKept());
        Assert.Equal("mine", back.Name);
    }

    [Fact]
    public async Task MembersWithoutAnIdStayBehind()
    {
        Basket back = await _grain.Keep(new Basket { StaysHere = 8 });
        Assert.Equal(7, back.StaysHere);
    }

    [Fact]
    public async Task DerivedTypesKeepTheirType()
    {
        var sent = new GiftBasket("gift") { Items = [5], Cards = new() { ["a"] = [1, 2] } };
        var back = Assert.IsType<GiftBasket>(await _grain.Keep(sent));
        Assert.Equal("gift", back.Name);
        Assert.Equal([5], back.Items);
        Assert.Equal([1, 2], back.Cards["a"]);
        Assert.NotSame(sent.Cards["a"], back.Cards["a"]);
    }

    [Fact]
    public async Task RecordsTravelByTheirParameters()
    {
        byte[] content = [1, 2, 3];
        Parcel? back = await _grain.Echo(new Parcel(1, content, new Parcel(2, [], null, (4, null)), (3, "x")));
        content[0] = 9;
        Assert.Equal((1, (3, "x"), 2), (back!.Weight, back.Label, back.Inner!.Weight));
        Assert.Equal([1, 2, 3], back.Content);
        Assert.Null(await _grain.Echo(null));
    }

    [Fact]
    public async Task CollectionsTravel()
    {
        Mark[] marks = [new(1, DateTimeOffset.UnixEpoch), new(2, DateTimeOffset.MaxValue)];
        Assert.Equal(marks, await _grain.EchoMarks(marks));
        Assert.Equal([[1], [], [2, 3]], await _grain.EchoArrays([[1], [], [2, 3]]));
    }

    [Fact]
    public async Task AnObjectGivenTwiceArrivesAsOne()
    {
        var one = new Basket();
        Assert.True(await _grain.AreTheSame(one, one));
        Assert.False(await _grain.AreTheSame(one, new Basket()));
    }

    [Fact]
    public async Task ImmutableValuesAreSharedWithinASilo()
    {
        // The caller must be a grain: a client's values may cross a wire.
        string silo = fixture.Cluster.Primary!.SiloAddress.ToParsableString();
        var grain = fixture.Grains.GetGrain<ICopyGrain>($"{silo} {Guid.NewGuid()}");
        Assert.True(await grain.NeighbourGetsTheSame($"{silo} {Guid.NewGuid()}"));
    }

    [Fact]
    public async Task ATypeWithoutASerializerIsRefused()
    {
        var asArgument = await Assert.ThrowsAsync<CodecNotFoundException>(() => _grain.TakeUnmarked(new Unmarked()));
        Assert.Contains(nameof(Unmarked), asArgument.Message);
        var asResult = await Assert.ThrowsAsync<CodecNotFoundException>(() => _grain.GiveUnmarked());
        Assert.Contains(nameof(Unmarked), asResult.Message);
    }

    [Fact]
    public async Task ExceptionsKeepTypeMessageAndMarkedMembers()
    {
        var price = await Assert.ThrowsAsync<PriceException>(() => _grain.ThrowPrice());
        Assert.Equal(("too dear", 12), (price.Message, price.Price));
        Assert.Null(price.StaysHere);
        var argument = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => _grain.ThrowArgument());
        Assert.Contains("too deep", argument.Message);
    }
}
