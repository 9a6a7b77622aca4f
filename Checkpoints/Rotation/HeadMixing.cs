namespace QuaRot.Checkpoints.Rotation;

/// <summary>The Hadamard transform that the engine applies online to the input of o_proj.</summary>
public enum HeadMixing : byte
{
    /// <summary>H_heads across the heads, each feature of a head by itself: x·(H_heads ⊗ I).</summary>
    AcrossHeads = 0,

    /// <summary>H over the whole input of heads·head_dim features, where no Hadamard matrix has the size of the number of heads.</summary>
    WholeInput = 1,
}
