using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace QuaRot.Cluster.Tests.Support;

/// <summary>A certificate for 127.0.0.1 from an authority of its own, in PEM files.</summary>
internal sealed class TestCertificate
{
    public TestCertificate(TemporaryFolder folder, string name)
    {
        (Cert, Key, Authority) = (folder[$"{name}.pem"], folder[$"{name}.key"], folder[$"{name}-ca.pem"]);
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest($"CN={name} authority", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var ca = authority.CreateSelfSigned(from, to);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=gateway", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(ca, from, to, RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(Cert, certificate.ExportCertificatePem());
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Authority, ca.ExportCertificatePem());
    }

    public string Cert { get; }

    public string Key { get; }

    public string Authority { get; }
}
