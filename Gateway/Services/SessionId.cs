using System.Security.Cryptography;

namespace QuaRot.Gateway.Services;

/// <summary>Session ids: 128 random bits, so that nobody meets another's by chance or by guessing.</summary>
internal static class SessionId
{
    public static string New() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
}
