using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace MaintenanceOps.Engine.Health.Probes.Tls;

/// <summary>What a server presented, copied out of the handshake, which takes its own certificates away when it ends.</summary>
internal sealed record ServedCertificates : IDisposable
{
    public ServedCertificates(X509Certificate2 leaf, X509Chain? chain, TlsTrust trust, string name)
    {
        Problems = trust.Problems(leaf, chain, name, withExpiry: false);
        Leaf = X509CertificateLoader.LoadCertificate(leaf.RawDataMemory.Span);
        Presented = [.. (chain?.ChainPolicy.ExtraStore ?? [])
            .Where(c => !c.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span))
            .Select(c => X509CertificateLoader.LoadCertificate(c.RawDataMemory.Span))];
    }

    public X509Certificate2 Leaf { get; }

    /// <summary>What it sent beside the leaf, in its order.</summary>
    public IReadOnlyList<X509Certificate2> Presented { get; }

    /// <summary>Why it is not to be trusted; expiry of the leaf is judged by its lifetime and not told here.</summary>
    public IReadOnlyList<string> Problems { get; }

    public SslProtocols Protocol { get; init; }

    public string Cipher { get; init; } = "";

    public static string NameOf(X509Certificate2 certificate) => certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);

    public void Dispose()
    {
        Leaf.Dispose();
        foreach (var certificate in Presented)
        {
            certificate.Dispose();
        }
    }
}
