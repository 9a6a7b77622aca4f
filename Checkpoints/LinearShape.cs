namespace QuaRot.Checkpoints;

/// <summary>A linear layer as the config describes it, before its weights are read.</summary>
/// <param name="Name">Name in the checkpoint, without the suffix <c>.weight</c>.</param>
/// <param name="OutFeatures">Rows of W.</param>
/// <param name="InFeatures">Columns of W.</param>
/// <param name="HasBias">True when there must be a bias, false when there must be none.</param>
public sealed record LinearShape(string Name, int OutFeatures, int InFeatures, bool HasBias);
