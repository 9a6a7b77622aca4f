namespace QuaRot.Checkpoints.Rotation;

/// <summary>Multiplies a row by some orthogonal matrix, in place. Called from several threads at once.</summary>
internal delegate void RowTransform(Span<double> row);
