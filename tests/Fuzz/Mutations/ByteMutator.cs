namespace QuaRot.Fuzz.Tests.Mutations;

/// <summary>Damages bytes the way transfers, disks and attackers do: flips, cuts, repeats, extreme numbers, splices.</summary>
internal static class ByteMutator
{
    private static readonly long[] s_extremes = [0, 1, -1, 127, 128, 255, 32767, 65535, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue];

    public static byte[] Mutate(byte[] seed, Random random)
    {
        var bytes = new List<byte>(seed);
        for (var rounds = 1 + random.Next(4); rounds > 0; rounds--)
            Once(bytes, seed, random);
        return [.. bytes];
    }

    private static void Once(List<byte> bytes, byte[] seed, Random random)
    {
        var at = random.Next(bytes.Count + 1);
        var length = Math.Min(random.Next(1, 1 + random.Next(1, 64)), bytes.Count - at);
        switch (random.Next(7))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 4:
                var number = BitConverter.GetBytes(s_extremes[random.Next(s_extremes.Length)]);
                for (var i = 0; i < 1 << random.Next(4) && at + i < bytes.Count; i++)
                    bytes[at + i] = number[i];
                break;
            case 5:
                var from = random.Next(seed.Length + 1);
                bytes.InsertRange(at, seed[from..Math.Min(seed.Length, from + random.Next(64))]);
                break;
            default:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
        }
    }
}
