using System.Text;

namespace QuaRot.Checkpoints.Tokenizers;

/// <summary>GPT-2's way to write bytes as printable characters, used by the vocabulary of every byte-level BPE.</summary>
/// <remarks>
/// Printable Latin-1 bytes (0x21-0x7E, 0xA1-0xAC, 0xAE-0xFF) stand for themselves, the other 68 become U+0100, U+0101, ... in ascending
/// order, so a space is U+0120. Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
/// </remarks>
internal static class ByteAlphabet
{
    private const int AlphabetEnd = 0x100 + 68;
    private static readonly char[] s_charOfByte = new char[256];
    private static readonly short[] s_byteOfChar = new short[AlphabetEnd];

    static ByteAlphabet()
    {
        Array.Fill(s_byteOfChar, (short)-1);
        int next = 0x100;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            char c = printable ? (char)b : (char)next++;
            s_charOfByte[b] = c;
            s_byteOfChar[c] = (short)b;
        }
    }

    /// <summary>The character that stands for a byte.</summary>
    public static char ToChar(byte value) => s_charOfByte[value];

    /// <summary>The bytes that a token stands for; one that is not written in this alphabet stands for its own UTF-8.</summary>
    public static byte[] ToBytes(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            if (token[i] >= AlphabetEnd || s_byteOfChar[token[i]] < 0)
                return Encoding.UTF8.GetBytes(token);
            bytes[i] = (byte)s_byteOfChar[token[i]];
        }

        return bytes;
    }
}
