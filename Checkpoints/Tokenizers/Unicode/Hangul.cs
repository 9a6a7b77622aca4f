namespace QuaRot.Checkpoints.Tokenizers.Unicode;

/// <summary>Where the Hangul syllables and the jamo that they consist of stand (Unicode Standard, section 3.12).</summary>
internal static class Hangul
{
    public const int SyllableBase = 0xAC00;
    public const int LeadBase = 0x1100;
    public const int VowelBase = 0x1161;
    public const int FinalBase = 0x11A7;
    public const int LeadCount = 19;
    public const int VowelCount = 21;
    public const int FinalCount = 28;
    public const int SyllableCount = LeadCount * VowelCount * FinalCount;

    /// <summary>Joins a lead consonant and a vowel, or an open syllable and a final consonant; -1 where they do not join.</summary>
    public static int Compose(int first, int second)
    {
        int lead = first - LeadBase;
        int vowel = second - VowelBase;
        if ((uint)lead < LeadCount && (uint)vowel < VowelCount)
            return SyllableBase + ((lead * VowelCount) + vowel) * FinalCount;
        int syllable = first - SyllableBase;
        int final = second - FinalBase;
        return (uint)syllable < SyllableCount && syllable % FinalCount == 0 && final is > 0 and < FinalCount ? first + final : -1;
    }
}
