using Orleans.Runtime;

namespace Orleans.Runtime
{
    /// <summary>Names how new activations of a grain class are placed; an <see cref="Placement.IPlacementDirector"/> does it.</summary>
    public abstract class PlacementStrategy;

    /// <summary>Any silo, drawn evenly: what a grain class without a placement of its own has.</summary>
    public sealed class RandomPlacement : PlacementStrategy;
}

namespace Orleans.Placement
{
    /// <summary>Base of the attributes that give a grain class its placement.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public abstract class PlacementAttribute : Attribute
    {
        protected PlacementAttribute(PlacementStrategy placement) =>
            PlacementStrategy = placement ?? throw new ArgumentNullException(nameof(placement));

        public PlacementStrategy PlacementStrategy { get; }
    }
}
