using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using QuaRot.Cli.Commands;

namespace QuaRot.Cli.Serving;

/// <summary>The gateway's certificate: its own with its private key, and the intermediate ones that clients need to trust it.</summary>
public sealed class TlsFiles : IDisposable
{
    private TlsFiles(X509Certificate2 certificate, X509Certificate2Collection chain) => (Certificate, Chain) = (certificate, chain);

    /// <summary>The server's own certificate, with its private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>All certificates of the file, the server's own first.</summary>
    public X509Certificate2Collection Chain { get; }

    /// <summary>Reads a certificate (first in its file; intermediate ones may follow) and its unencrypted private key, both PEM.</summary>
    /// <exception cref="CommandException">A file is missing or broken, or the two do not belong together; the message names option and file.</exception>
    public static TlsFiles Read(string certificateFile, string keyFile)
    {
        var (certificatePem, keyPem) = (Text("--tls-cert", certificateFile), Text("--tls-key", keyFile));
        var chain = Certificates("--tls-cert", certificateFile, certificatePem);
        if (keyPem.Contains("ENCRYPTED", StringComparison.Ordinal))
            throw new CommandException($"--tls-key: {keyFile} is encrypted; give the key without a passphrase");
        if (!keyPem.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
            throw new CommandException($"--tls-key: {keyFile} holds no private key in PEM form");
        try
        {
            return new TlsFiles(X509Certificate2.CreateFromPem(certificatePem, keyPem), chain);
        }
        catch (ArgumentException e)
        {
            throw new CommandException($"--tls-key: {keyFile} does not belong to the certificate in {certificateFile}", e);
        }
        catch (CryptographicException e)
        {
            throw new CommandException($"--tls-key: {keyFile} is broken, or does not belong to the certificate in {certificateFile}: {e.Message}", e);
        }
    }

    /// <summary>The certificates of a PEM file.</summary>
    /// <exception cref="CommandException">It is missing, broken or holds none; the message names option and file.</exception>
    public static X509Certificate2Collection Certificates(string option, string file) => Certificates(option, file, Text(option, file));

    /// <inheritdoc/>
    public void Dispose()
    {
        Certificate.Dispose();
        foreach (var certificate in Chain)
            certificate.Dispose();
    }

    private static X509Certificate2Collection Certificates(string option, string file, string pem)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new CommandException($"{option}: {file} is broken: {e.Message}", e);
        }

        return certificates.Count > 0 ? certificates : throw new CommandException($"{option}: {file} holds no certificate in PEM form");
    }

    private static string Text(string option, string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandException($"{option}: {file}: there is no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{option}: {file} cannot be read: {e.Message}", e);
        }
    }
}
