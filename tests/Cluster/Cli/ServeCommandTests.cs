using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using QuaRot.Cluster.Tests.Support;
using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Cli;

/// <summary>`quarot serve` as a process of its own.</summary>
public sealed class ServeCommandTests(QuantizedLexi lexi) : IDisposable
{
    private readonly TemporaryFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task It_asks_and_stops()
    {
        var (code, output, error) = await QuarotProcess.Run(
            "serve", lexi.Model, "--shards", "2", "--port", "0", "--data", _data.Path, "--ask", "What is a compiler?", "--exit");
        Assert.True(code == 0, error);
        Assert.Contains("shard 1: layers 3 to 5", output, StringComparison.Ordinal);
        Assert.Matches(@"gRPC on 127\.0\.0\.1:\d+", output);
        Assert.Matches(@"> What is a compiler\?\n.*[Cc]ompiler", output);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_signal_stops_it_cleanly(string signal)
    {
        using var quarot = QuarotProcess.Start("serve", lexi.Model, "--port", "0", "--data", _data.Path);
        await quarot.ReadUntil("Serving until Ctrl-C.");
        await quarot.Signal(signal);
        var (code, output, error) = await quarot.Finish();
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Stopping.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_port_is_a_clear_error()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var (code, _, error) = await QuarotProcess.Run("serve", lexi.Model, "--port", port.ToString(), "--data", _data.Path);
        Assert.Equal((1, $"quarot: port {port} on 127.0.0.1 is taken; choose another with --port (0 takes any free one)\n"), (code, error));
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_used_is_a_clear_error()
    {
        var file = _data["file"];
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        var (code, _, error) = await QuarotProcess.Run("serve", lexi.Model, "--port", "0", "--data", Path.Combine(file, "inside"));
        Assert.Equal(1, code);
        Assert.StartsWith($"quarot: --data: {Path.Combine(file, "inside")} cannot be used: ", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("7", "--shards: is 7; the model has 6 layers")]
    [InlineData("0", "--shards: is 0; the model has 6 layers")]
    public async Task A_cut_that_does_not_fit_is_a_clear_error(string shards, string expected)
    {
        var (code, _, error) = await QuarotProcess.Run("serve", lexi.Model, "--shards", shards, "--port", "0", "--data", _data.Path);
        Assert.Equal(1, code);
        Assert.StartsWith($"quarot: {expected}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_folder_serves_one_process_at_a_time()
    {
        using var first = QuarotProcess.Start("serve", lexi.Model, "--port", "0", "--data", _data.Path);
        await first.ReadUntil("Serving until Ctrl-C.");
        var (code, _, error) = await QuarotProcess.Run("serve", lexi.Model, "--port", "0", "--data", _data.Path);
        Assert.Equal(1, code);
        Assert.StartsWith($"quarot: --data: {_data.Path} is in use by another 'quarot serve'", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer.json", "{}", "tokenizer.json")]
    [InlineData("chat_template.jinja", "{{ something else }}", "chat_template.jinja")]
    public async Task A_model_that_cannot_chat_is_refused_at_the_start(string file, string content, string named)
    {
        var model = _data["model"];
        Directory.CreateDirectory(model);
        foreach (var source in Directory.EnumerateFiles(lexi.Model))
            File.Copy(source, Path.Combine(model, Path.GetFileName(source)));
        await File.WriteAllTextAsync(Path.Combine(model, file), content, TestContext.Current.CancellationToken);
        var (code, _, error) = await QuarotProcess.Run("serve", model, "--port", "0", "--data", _data["store"]);
        Assert.Equal(1, code);
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_signal_in_mid_answer_ends_the_stream_and_keeps_what_was_streamed()
    {
        using var quarot = QuarotProcess.Start("serve", lexi.Model, "--port", "0", "--data", _data.Path);
        var address = await quarot.ReadAddress();
        using var channel = GrpcChannel.ForAddress($"http://{address}");
        var client = new Inference.InferenceClient(channel);
        var session = await client.NewSession();
        var request = new ChatRequest { SessionId = session, Sampling = new SamplingParameters { Temperature = 3, Seed = 1, MaxTokens = 1500 } };
        request.Messages.Add(new ChatMessage { Role = "user", Content = "Tell me of the sea." });
        using var call = client.Chat(request);
        Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        await quarot.Signal("TERM");
        var error = await Assert.ThrowsAsync<RpcException>(() => Answer.Read(call));
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Equal(0, (await quarot.Finish()).Code);

        await using var again = await ServedCluster.Start(lexi.Model, data: _data.Path);
        var transcript = await again.Client.GetSessionAsync(new GetSessionRequest { SessionId = session });
        Assert.Equal(2, transcript.Messages.Count);
        Assert.NotEmpty(transcript.Messages[1].Content);
    }

    [Fact]
    public async Task A_folder_without_a_model_is_a_clear_error()
    {
        var (code, _, error) = await QuarotProcess.Run("serve", _data.Path, "--port", "0", "--data", _data.Path);
        Assert.Equal(1, code);
        Assert.Contains("config.json", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_silo_of_its_own_is_refused_with_the_reason()
    {
        var (code, _, error) = await QuarotProcess.Run("silo");
        Assert.Equal(1, code);
        Assert.Contains(QuaRot.Silo.ClusterKind.IsStandIn ? "stand-in" : "not configured", error, StringComparison.Ordinal);
        Assert.Contains("quarot serve", error, StringComparison.Ordinal);
    }
}
