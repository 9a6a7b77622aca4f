namespace QuaRot.Kernels.Cpu;

/// <summary>What <see cref="NibbleProduct{T}"/> multiplies with, the same for all rows.</summary>
/// <param name="tile">First stream of the first plane.</param>
/// <param name="planeBytes">Bytes from a plane to the next.</param>
/// <param name="streamBytes">Bytes from a stream to the next.</param>
/// <param name="planes">Planes that are added up.</param>
/// <param name="weight">What the second plane counts.</param>
/// <param name="rowPlaneBytes">Bytes of a row from those that meet the first plane to those that meet the second.</param>
internal readonly unsafe struct NibbleShape(
    byte* tile, int planeBytes, int streamBytes, int planes, int weight, int rowPlaneBytes)
{
    public readonly byte* Tile = tile;
    public readonly int PlaneBytes = planeBytes;
    public readonly int StreamBytes = streamBytes;
    public readonly int Planes = planes;
    public readonly int Weight = weight;
    public readonly int RowPlaneBytes = rowPlaneBytes;
}
