using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using QuaRot.Cli.Commands;
using QuaRot.Cli.Serving;

namespace QuaRot.Cli.Client;

/// <summary>The options that say where the gateway is and how to speak to it.</summary>
internal sealed class ConnectionOptions
{
    private const string KeyVariable = "QUAROT_API_KEY";

    private readonly Option<string> _address = new("--address")
    {
        Description = "Address of the gateway: host:port, http://host:port or https://host:port",
        DefaultValueFactory = _ => "127.0.0.1:50051",
    };

    private readonly Option<bool> _tls = new("--tls") { Description = "Speak TLS; the same as an address that begins with https://" };
    private readonly Option<string?> _ca = new("--tls-ca") { Description = "PEM file of certificates to trust in place of the system's; implies --tls" };
    private readonly Option<string?> _key = new("--api-key") { Description = $"API key; better put it into the environment as {KeyVariable}, for others see command lines" };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _address, _tls, _ca, _key })
            command.Add(option);
    }

    /// <exception cref="CommandException">An option is wrong; the message names it.</exception>
    public GrpcChannel Open(ParseResult args)
    {
        var ca = args.GetValue(_ca);
        var address = Address(args.GetRequiredValue(_address), args.GetValue(_tls) || ca is not null);
        X509Certificate2Collection? trusted = ca is null ? null : TlsFiles.Certificates("--tls-ca", ca);
        return GatewayChannel.Open(address, ApiKey(args.GetValue(_key)), trusted);
    }

    private static Uri Address(string given, bool tls)
    {
        var text = given.Contains("://", StringComparison.Ordinal) ? given : $"{(tls ? "https" : "http")}://{given}";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new CommandException($"--address: '{given}' is not an address of the form host:port, http://host:port or https://host:port");
        return !tls || address.Scheme == "https" ? address : throw new CommandException($"--address: '{given}' says http, but --tls or --tls-ca asks for TLS");
    }

    private static string? ApiKey(string? option)
    {
        var (key, source) = option is not null ? (option, "--api-key") : (Environment.GetEnvironmentVariable(KeyVariable), KeyVariable);
        if (string.IsNullOrWhiteSpace(key))
            return null;
        return key.Trim() is var trimmed && trimmed.All(c => c is > ' ' and <= '~') ? trimmed
            : throw new CommandException($"{source}: holds a character that a key cannot have");
    }
}
