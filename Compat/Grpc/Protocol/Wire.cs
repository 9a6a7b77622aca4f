using System.Globalization;
using System.Text;
using Grpc.Core;

namespace Grpc.Protocol;

/// <summary>Names and text forms of gRPC over HTTP/2 (grpc.io, PROTOCOL-HTTP2.md), shared by server and client.</summary>
internal static class Wire
{
    public const string ContentType = "application/grpc";
    public const string Status = "grpc-status";
    public const string Message = "grpc-message";
    public const string Encoding = "grpc-encoding";
    public const string AcceptEncoding = "grpc-accept-encoding";
    public const string Timeout = "grpc-timeout";
    public const string SupportedEncodings = "identity,gzip";

    // The protocol allows eight digits; longer timeouts are cut to this many seconds (three years).
    private const long MaxTimeoutSeconds = 99_999_999;

    private static readonly HashSet<string> TransportHeaders = new(StringComparer.OrdinalIgnoreCase)
    {
        Status, Message, Encoding, AcceptEncoding, Timeout, "content-type", "content-length", "content-encoding", "te", "host",
    };

    /// <summary>True for application/grpc, alone or followed by +format or ;parameters.</summary>
    public static bool IsGrpc(string? contentType) =>
        contentType is not null
        && contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == ContentType.Length || contentType[ContentType.Length] is '+' or ';');

    /// <summary>Adds a received header to the metadata, unless it belongs to the transport.</summary>
    public static void AddHeader(Metadata metadata, string key, string value)
    {
        if (key.StartsWith(':') || TransportHeaders.Contains(key))
        {
            return;
        }

        if (!key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
        {
            metadata.Add(key, value);
            return;
        }

        // HTTP may join repeated headers with commas, which base64 never holds; the padding may be left out.
        foreach (var part in value.Split(',', StringSplitOptions.TrimEntries))
        {
            metadata.Add(key, Convert.FromBase64String(part.PadRight((part.Length + 3) / 4 * 4, '=')));
        }
    }

    /// <summary>The text of a metadata entry in a header.</summary>
    public static string HeaderValue(Metadata.Entry entry) => entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value;

    /// <summary>grpc-message: UTF-8, with everything but printable ASCII, and the percent sign, as %XX.</summary>
    public static string PercentEncode(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (var b in System.Text.Encoding.UTF8.GetBytes(text))
        {
            _ = b is >= 0x20 and <= 0x7E and not (byte)'%'
                ? encoded.Append((char)b)
                : encoded.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return encoded.ToString();
    }

    /// <summary>The inverse of <see cref="PercentEncode"/>; malformed escapes stay as they are.</summary>
    public static string PercentDecode(string text) => Uri.UnescapeDataString(text);

    /// <summary>grpc-timeout: at most eight digits and a unit; rounded up, so that the server never gives up before the client.</summary>
    public static string EncodeTimeout(TimeSpan timeout)
    {
        var milliseconds = Math.Max(1, (long)Math.Ceiling(timeout.TotalMilliseconds));
        return milliseconds <= MaxTimeoutSeconds
            ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds}m")
            : string.Create(CultureInfo.InvariantCulture, $"{Math.Min(MaxTimeoutSeconds, (milliseconds + 999) / 1000)}S");
    }

    /// <summary>Reads grpc-timeout; null for an absent, malformed or zero one, which means no deadline.</summary>
    public static TimeSpan? DecodeTimeout(string? text)
    {
        if (text is not { Length: >= 2 and <= 9 }
            || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }

        long? ticks = text[^1] switch
        {
            'H' => Math.Min(value * 3600, MaxTimeoutSeconds) * TimeSpan.TicksPerSecond,
            'M' => Math.Min(value * 60, MaxTimeoutSeconds) * TimeSpan.TicksPerSecond,
            'S' => value * TimeSpan.TicksPerSecond,
            'm' => value * TimeSpan.TicksPerMillisecond,
            'u' => value * TimeSpan.TicksPerMicrosecond,
            'n' => value / TimeSpan.NanosecondsPerTick,
            _ => null,
        };
        return ticks > 0 ? TimeSpan.FromTicks(ticks.Value) : null;
    }

    /// <summary>"Type: message" of an exception and of those inside it, on one line.</summary>
    public static string Describe(Exception exception)
    {
        var parts = new List<string>();
        for (var e = exception; e is not null; e = e.InnerException)
        {
            parts.Add($"{e.GetType().Name}: {e.Message}");
        }

        return string.Join(' ', parts);
    }
}
