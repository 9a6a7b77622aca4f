using QuaRot.Checkpoints;

namespace QuaRot.Engine.Evaluation.Table;

/// <summary>Quantizes a model for one row of the table.</summary>
/// <param name="source">Folder of the float model.</param>
/// <param name="destination">Folder to create.</param>
/// <param name="options">Bits, groups, rotation and seed.</param>
/// <param name="method">The row's <see cref="TableRow.Method"/>.</param>
/// <param name="cancellation">Stops it.</param>
public delegate void RowQuantizer(string source, string destination, QuantizationConfig options, string method, CancellationToken cancellation);
