using QuaRot.Kernels.Backends;
using Xunit;

namespace QuaRot.Kernels.Tests.Model;

/// <summary>Everything a sequence left behind: its logits and its KV bytes, by position.</summary>
internal sealed record Trace(float[][] Logits, byte[][] KvBytes)
{
    /// <summary>Reads the KV bytes of all layers of all stages for the first positions of a sequence.</summary>
    public static byte[][] ReadKv(IReadOnlyList<IModelStage> stages, int[] blockTable, int length) =>
        [.. Enumerable.Range(0, length).Select(position =>
        {
            var (page, slot) = Math.DivRem(position, KvLayout.PageSize);
            return stages.SelectMany(stage => Enumerable.Range(stage.Layers.Start, stage.Layers.Count)
                .SelectMany(layer => stage.CopyKvBytes(layer, blockTable[page], slot))).ToArray();
        })];

    /// <summary>Demands the same bits as <paramref name="expected"/>, up to this trace's length.</summary>
    public void RequireEqual(Trace expected, string what)
    {
        for (var position = 0; position < KvBytes.Length; position++)
        {
            var sameKv = expected.KvBytes[position].AsSpan().SequenceEqual(KvBytes[position]);
            Assert.True(sameKv, $"{what}: KV bytes differ at position {position}");
            var same = expected.Logits[position].Select(BitConverter.SingleToInt32Bits)
                .SequenceEqual(Logits[position].Select(BitConverter.SingleToInt32Bits));
            Assert.True(same, $"{what}: logits differ at position {position}");
        }
    }
}
