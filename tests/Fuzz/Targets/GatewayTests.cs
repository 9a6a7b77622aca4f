using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using QuaRot.Checkpoints;
using QuaRot.Checkpoints.QuaRot;
using QuaRot.Cli.Serving;
using QuaRot.Contracts.V1;
using QuaRot.Fuzz.Tests.Mutations;

namespace QuaRot.Fuzz.Tests.Targets;

/// <summary>
/// Damaged gRPC frames and messages over a real socket: each gets a status, a message that parses never an INTERNAL or UNKNOWN one, and the
/// server answers the next client as before.
/// </summary>
public sealed class GatewayTests : IAsyncLifetime
{
    private const string Service = "/quarot.v1.Inference/";
    private const long MaxGrowth = 512L << 20;
    private readonly string _folder = Directory.CreateTempSubdirectory("quarot-fuzz-").FullName;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler());
    private ClusterHost _host = null!;

    private static readonly (string Method, IMessage Message)[] s_seeds =
    [
        ("Generate", new GenerateRequest
        {
            Prompt = "compiler",
            Sampling = new SamplingParameters { MaxTokens = 1, Temperature = 0.5f, TopK = 5, TopP = 0.9f, Seed = 7, Stop = { "x", "." }, Logprobs = 2 },
        }),
        ("Generate", new GenerateRequest { TokenIds = new TokenIds { Ids = { 5, 6, 7, 300, 4000 } }, Sampling = new SamplingParameters { MaxTokens = 1 } }),
        ("Chat", new ChatRequest
        {
            SessionId = "0123456789abcdef0123456789abcdef",
            Messages = { new ChatMessage { Role = "user", Content = "What is a compiler?" } },
            Sampling = new SamplingParameters { MaxTokens = 1 },
        }),
        ("GetSession", new GetSessionRequest { SessionId = "0123456789abcdef0123456789abcdef" }),
        ("DeleteSession", new DeleteSessionRequest { SessionId = "0123456789abcdef0123456789abcdef" }),
        ("ListSessions", new ListSessionsRequest { PageSize = 3, PageToken = "5" }),
        ("Tokenize", new TokenizeRequest { Text = "Hello, \ud83d\ude00 world", AddBos = true, ParseSpecial = true }),
        ("Detokenize", new DetokenizeRequest { TokenIds = { 1, 2, 3, 500 }, SkipSpecial = true }),
    ];

    public async ValueTask InitializeAsync()
    {
        var model = Path.Combine(_folder, "model");
        CheckpointQuantizer.Run(Path.Combine(Checkout(), "assets", "lexi-21m"), model, new QuantizationConfig());
        var options = new ServeOptions { Model = model, Shards = 1, Port = 0, Data = Path.Combine(_folder, "data"), KvTokens = 16 * 1024 };
        _host = await ClusterHost.StartAsync(options, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void FramesAndMessages()
    {
        var expected = Ask();
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        FuzzRun.Run("gateway", FuzzRun.Cases / 4, Make, Send);
        Assert.Equal(expected, Ask());
        var growth = GC.GetTotalMemory(forceFullCollection: true) - memory;
        Assert.True(growth < MaxGrowth, $"{FuzzRun.Cases / 4} requests left {growth} bytes behind");
    }

    [Theory]
    [MemberData(nameof(Regressions.Of), "gateway", MemberType = typeof(Regressions))]
    public void GatewayRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), Send);

    // A case is the number of its method, then the request's body.
    private static byte[] Make(Random random)
    {
        var index = random.Next(s_seeds.Length);
        var message = s_seeds[index].Message.ToByteArray();
        var body = random.Next(3) switch
        {
            0 => ByteMutator.Mutate(Frame(message), random),
            1 => Frame(ByteMutator.Mutate(message, random)),
            _ => [.. Frame(ByteMutator.Mutate(message, random)), .. ByteMutator.Mutate(Frame(message), random)],
        };
        return [(byte)index, .. body];
    }

    private static byte[] Frame(byte[] message)
    {
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private void Send(byte[] input)
    {
        if (input.Length == 0)
            return;
        var (method, seed) = s_seeds[input[0] % s_seeds.Length];
        var body = input[1..];
        var status = Post(method, body).GetAwaiter().GetResult();
        if (!int.TryParse(status, out var code) || code is < 0 or > 16)
            throw new InvalidOperationException($"{method} gave no status: '{status}'");
        if (code is 2 or 13 && Parses(seed, body))
            throw new InvalidOperationException($"{method} failed with status {code} on a message that parses");
    }

    private async Task<string?> Post(string method, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_host.Address, Service + method))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.TryAddWithoutValidation("te", "trailers");
        // A mutated request may ask for an answer of any length.
        request.Headers.TryAddWithoutValidation("grpc-timeout", "300m");
        try
        {
            using var response = await _http.SendAsync(request, CancellationToken.None);
            await response.Content.ReadAsByteArrayAsync();
            return Value(response.TrailingHeaders) ?? Value(response.Headers);
        }
        catch (HttpRequestException e) when (e.InnerException is HttpProtocolException { ErrorCode: 0 or 5 or 8 } or IOException)
        {
            // The server may end a stream whose deadline passed, or whose body it need not read, by RST_STREAM: that is a status too (CANCELLED).
            return "1";
        }
    }

    private static string? Value(HttpResponseHeaders headers) => headers.TryGetValues("grpc-status", out var values) ? values.First() : null;

    private static bool Parses(IMessage seed, byte[] body)
    {
        if (body.Length < 5 || body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) != body.Length - 5)
            return false;
        try
        {
            seed.Descriptor.Parser.ParseFrom(body, 5, body.Length - 5);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            // Then any error is a fair answer.
            return false;
        }
    }

    private string Ask()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_host.Address, Service + "Tokenize"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Frame(new TokenizeRequest { Text = "What is a compiler?" }.ToByteArray()))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") },
            },
        };
        request.Headers.TryAddWithoutValidation("te", "trailers");
        using var response = _http.SendAsync(request, CancellationToken.None).GetAwaiter().GetResult();
        return Convert.ToHexString(response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult());
    }

    private static string Checkout()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "QuaRot.Cluster.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("The tests must run inside a checkout.");
    }
}
