using System.Net.Security;
using System.Net.Sockets;
using QuaRot.Cli.Commands;
using QuaRot.Cli.Serving;
using QuaRot.Cluster.Tests.Cli;
using QuaRot.Cluster.Tests.Support;

namespace QuaRot.Cluster.Tests.Gateway;

/// <summary>TLS on the gateway's port, and what the client commands make of it.</summary>
public sealed class TlsTests(QuantizedLexi lexi) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_gateway_speaks_http2_over_tls_to_who_trusts_it()
    {
        var tls = new TestCertificate(_folder, "good");
        await using var cluster = await Start(tls);
        Assert.Equal("https", cluster.Address.Scheme);
        Assert.Equal(SslApplicationProtocol.Http2, await Negotiate(cluster.Address));
        Assert.Equal(5, (await cluster.Client.Continue("The Linux kernel is", new() { Temperature = 0, MaxTokens = 5 })).Ids.Length);

        var (code, output, error) = await Generate(cluster.Address.Authority, "--tls-ca", tls.Authority);
        Assert.True(code == 0, error);
        Assert.NotEmpty(output.Trim());
        var withLogProbs = await Generate(cluster.Address.Authority, "--tls-ca", tls.Authority, "--logprobs", "2");
        Assert.StartsWith(output.TrimEnd(), withLogProbs.Output, StringComparison.Ordinal);
        Assert.Equal(4, System.Text.RegularExpressions.Regex.Count(withLogProbs.Output, @"\n +(\d+) +-?\d\.\d{4}  \1: -?\d\.\d{4}, \d+: -\d+\.\d{4}"));
        Assert.Equal(0, (await Generate(cluster.Address.GetLeftPart(UriPartial.Authority), "--tls-ca", tls.Authority)).Code);
    }

    [Fact]
    public async Task Who_does_not_trust_it_or_speaks_plain_text_fails()
    {
        await using var cluster = await Start(new TestCertificate(_folder, "good"));
        var stranger = new TestCertificate(_folder, "stranger");
        foreach (var options in new string[][] { ["--tls-ca", stranger.Authority], ["--tls"], [] })
        {
            var (code, output, error) = await Generate(cluster.Address.Authority, options);
            Assert.Equal((1, ""), (code, output.Trim()));
            Assert.StartsWith("quarot: ", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Wrong_files_are_named()
    {
        var (good, other) = (new TestCertificate(_folder, "good"), new TestCertificate(_folder, "other"));
        var (empty, broken) = (_folder["empty"], _folder["broken"]);
        File.WriteAllText(empty, "");
        File.WriteAllText(broken, File.ReadAllText(good.Cert).Replace("MII", "!!!", StringComparison.Ordinal));
        var encrypted = _folder["encrypted"];
        File.WriteAllText(encrypted, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
        var brokenKey = _folder["broken.key"];
        File.WriteAllText(brokenKey, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        Assert.Equal($"--tls-cert: {_folder["none"]}: there is no such file", Problem(_folder["none"], good.Key));
        Assert.Equal($"--tls-key: {_folder["none"]}: there is no such file", Problem(good.Cert, _folder["none"]));
        Assert.Equal($"--tls-cert: {empty} holds no certificate in PEM form", Problem(empty, good.Key));
        Assert.StartsWith($"--tls-cert: {broken} ", Problem(broken, good.Key), StringComparison.Ordinal);
        Assert.Equal($"--tls-key: {empty} holds no private key in PEM form", Problem(good.Cert, empty));
        Assert.Equal($"--tls-key: {encrypted} is encrypted; give the key without a passphrase", Problem(good.Cert, encrypted));
        Assert.StartsWith($"--tls-key: {brokenKey} is broken", Problem(good.Cert, brokenKey), StringComparison.Ordinal);
        Assert.Contains("does not belong to the certificate in " + good.Cert, Problem(good.Cert, other.Key), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_options_of_serve_belong_together()
    {
        var tls = new TestCertificate(_folder, "good");
        foreach (var (options, expected) in new (string[], string)[]
        {
            (["--tls-cert", tls.Cert], "--tls-cert: is given without --tls-key"),
            (["--tls-key", tls.Key], "--tls-key: is given without --tls-cert"),
            (["--tls-cert", _folder["none"], "--tls-key", tls.Key], $"--tls-cert: {_folder["none"]}: there is no such file"),
        })
        {
            var (code, _, error) = await QuarotProcess.Run(["serve", lexi.Model, "--port", "0", "--data", _folder["data"], .. options]);
            Assert.Equal((1, $"quarot: {expected}\n"), (code, error));
        }
    }

    [Fact]
    public async Task An_open_port_beyond_loopback_is_warned_of_and_a_guarded_one_is_not()
    {
        var tls = new TestCertificate(_folder, "good");
        await File.WriteAllTextAsync(_folder["keys"], "me:0123456789abcdef", TestContext.Current.CancellationToken);
        string[] serve = ["serve", lexi.Model, "--host", "0.0.0.0", "--port", "0", "--data", _folder["data"], "--exit"];
        var open = await QuarotProcess.Run(serve);
        Assert.Equal(0, open.Code);
        Assert.Contains("quarot: warning: 0.0.0.0 is no loopback address and there is no TLS", open.Error, StringComparison.Ordinal);
        Assert.Contains("quarot: warning: 0.0.0.0 is no loopback address and there are no keys", open.Error, StringComparison.Ordinal);

        // It asks itself over its own certificate and with its own key.
        var guarded = await QuarotProcess.Run([.. serve, "--tls-cert", tls.Cert, "--tls-key", tls.Key, "--api-keys", _folder["keys"], "--ask", "What is a compiler?"]);
        Assert.Equal((0, ""), (guarded.Code, guarded.Error));
        Assert.Contains("TLS, API keys", guarded.Output, StringComparison.Ordinal);
        Assert.Contains("answer tokens", guarded.Output, StringComparison.Ordinal);
    }

    private static string Problem(string cert, string key) => Assert.Throws<CommandException>(() => TlsFiles.Read(cert, key)).Message;

    private static Task<(int Code, string Output, string Error)> Generate(string address, params string[] options) =>
        QuarotProcess.Run(["generate", "The sea", "--max-tokens", "4", "--temperature", "0", "--address", address, .. options]);

    private static async Task<SslApplicationProtocol> Negotiate(Uri address)
    {
        using var socket = new TcpClient(address.Host, address.Port);
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = address.Host, ApplicationProtocols = [SslApplicationProtocol.Http11, SslApplicationProtocol.Http2] },
            TestContext.Current.CancellationToken);
        return tls.NegotiatedApplicationProtocol;
    }

    private Task<ServedCluster> Start(TestCertificate tls) =>
        ServedCluster.Start(lexi.Model, shards: 1, configure: o => o with { Tls = (tls.Cert, tls.Key) });
}
