namespace Orleans.Runtime
{
    /// <summary>Names how new activations of a grain class are placed; an <see cref="Placement.IPlacementDirector"/> does it.</summary>
    public abstract class PlacementStrategy
    {
        public virtual bool IsUsingGrainDirectory => true;
    }

    /// <summary>Any silo, drawn evenly.</summary>
    public sealed class RandomPlacement : PlacementStrategy
    {
        internal static RandomPlacement Singleton { get; } = new();
    }

    /// <summary>The caller's silo where it is active, else any.</summary>
    public sealed class PreferLocalPlacement : PlacementStrategy
    {
        internal static PreferLocalPlacement Singleton { get; } = new();
    }
}

namespace Orleans.Placement
{
    using Orleans.Runtime;

    /// <summary>Base of the attributes that give a grain class its placement.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public abstract class PlacementAttribute : Attribute
    {
        protected PlacementAttribute(PlacementStrategy placement) =>
            PlacementStrategy = placement ?? throw new ArgumentNullException(nameof(placement));

        public PlacementStrategy PlacementStrategy { get; }
    }

    /// <inheritdoc cref="RandomPlacement"/>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class RandomPlacementAttribute() : PlacementAttribute(RandomPlacement.Singleton);

    /// <inheritdoc cref="PreferLocalPlacement"/>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class PreferLocalPlacementAttribute() : PlacementAttribute(PreferLocalPlacement.Singleton);
}
