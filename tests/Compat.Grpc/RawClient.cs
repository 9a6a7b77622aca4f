using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>Plain HTTP requests, to see the protocol as it is on the wire.</summary>
internal sealed class RawClient(Uri address) : IDisposable
{
    public const string AskPath = "/quarot.compat.v1.Probe/Ask";
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler());

    /// <summary>A frame: flag, length (that of the payload unless given), payload.</summary>
    public static byte[] Frame(byte[] payload, byte flag = 0, uint? length = null)
    {
        var frame = new byte[5 + payload.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), length ?? (uint)payload.Length);
        payload.CopyTo(frame, 5);
        return frame;
    }

    public static byte[] Frame(Note note) => Frame(note.ToByteArray());

    public static byte[] Gzip(byte[] payload)
    {
        var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest))
        {
            gzip.Write(payload);
        }

        return output.ToArray();
    }

    public async Task<RawResponse> PostAsync(
        byte[] body, string path = AskPath, string? contentType = "application/grpc", Version? version = null,
        params (string Key, string Value)[] headers)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, path))
        {
            Version = version ?? HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        foreach (var (key, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(key, value);
        }

        using var response = await _http.SendAsync(request, CancellationToken.None);
        var bytes = await response.Content.ReadAsByteArrayAsync();
        return new RawResponse(
            response.StatusCode, Values(response.Headers), Values(response.TrailingHeaders),
            response.Content.Headers.ContentType?.ToString(), bytes);
    }

    public void Dispose() => _http.Dispose();

    private static Dictionary<string, string> Values(HttpHeaders headers) =>
        headers.NonValidated.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
}
