using System.CommandLine;

namespace QuaRot.Cli.Commands;

/// <summary>The option that says where the gateway is.</summary>
internal static class GatewayAddress
{
    public static Option<string> Option { get; } = new("--address")
    {
        Description = "Address of the gateway",
        DefaultValueFactory = _ => "http://127.0.0.1:50051",
    };

    public static Uri Read(ParseResult args)
    {
        var text = args.GetRequiredValue(Option);
        if (!text.Contains("://", StringComparison.Ordinal))
            text = $"http://{text}";
        return Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address!
            : throw new CommandException($"--address: '{text}' is not an address of the form host:port or http://host:port");
    }
}
