using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>How a server's certificate is judged.</summary>
public sealed record TlsTrust
{
    /// <summary>Takes any certificate.</summary>
    public bool SkipCheck { get; init; }

    /// <summary>A PEM file with the authorities to trust instead of the system's.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>The name to ask for and to find in the certificate; the host's where it is null.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: it is none.</exception>
    public string? ServerName
    {
        get;
        init => field = value is null || Uri.CheckHostName(value) != UriHostNameType.Unknown
            ? value
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{value}' is no name of a server.", value);
    }

    /// <summary>
    /// Judges by this trust. Revocation is not asked for: that would go to other hosts, and a health check must not fail with them.
    /// </summary>
    /// <param name="tell">Gets what is wrong.</param>
    internal RemoteCertificateValidationCallback Validator(Action<IReadOnlyList<string>> tell) => (sender, certificate, chain, _) =>
    {
        var problems = certificate is X509Certificate2 leaf ? Problems(leaf, chain, ServerName ?? ((SslStream)sender).TargetHostName) : ["it showed no certificate"];
        tell(problems);
        return problems.Count == 0;
    };

    /// <summary>What is wrong with a certificate and its chain; nothing where it is to be trusted.</summary>
    /// <param name="leaf">The certificate.</param>
    /// <param name="presented">What was presented with it.</param>
    /// <param name="name">The name that it must be for.</param>
    /// <param name="withExpiry">Tells that the leaf itself is not valid now; whoever judges its lifetime says so better.</param>
    internal IReadOnlyList<string> Problems(X509Certificate2 leaf, X509Chain? presented, string name, bool withExpiry = true)
    {
        if (SkipCheck)
        {
            return [];
        }

        var problems = new List<string>();
        if (!leaf.MatchesHostname(name))
        {
            problems.Add($"the certificate is not for {name}, but for {string.Join(", ", NamesOf(leaf))}");
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (presented is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        }

        if (AuthorityFile is { } file)
        {
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(Load(file));
        }

        if (!chain.Build(leaf))
        {
            problems.AddRange(chain.ChainStatus.Select(s => s.Status).Where(s => s != X509ChainStatusFlags.NotTimeValid).Distinct().Select(Words));
            if (leaf.NotAfter.ToUniversalTime() > DateTime.UtcNow && leaf.NotBefore.ToUniversalTime() <= DateTime.UtcNow
                && chain.ChainStatus.Any(s => s.Status == X509ChainStatusFlags.NotTimeValid))
            {
                problems.Add("a certificate above it is not valid now");
            }
            else if (withExpiry && chain.ChainStatus.Any(s => s.Status == X509ChainStatusFlags.NotTimeValid))
            {
                problems.Add($"the certificate was valid from {leaf.NotBefore.ToUniversalTime():u} until {leaf.NotAfter.ToUniversalTime():u}");
            }
        }

        return problems;
    }

    /// <summary>The certificates of a PEM file, the first one first.</summary>
    /// <exception cref="MaintenanceException">It cannot be read, or holds none.</exception>
    internal static X509Certificate2Collection Load(string file)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(GivenFile.Text(file, "read"));
        }
        catch (CryptographicException e)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{file}' holds no certificate that can be read: {e.Message}", file, e);
        }

        return certificates.Count > 0
            ? certificates
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{file}' holds no certificate in PEM form.", file);
    }

    /// <summary>The names that a certificate is for.</summary>
    internal static IReadOnlyList<string> NamesOf(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        return names is null
            ? [certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false)]
            : [.. names.EnumerateDnsNames(), .. names.EnumerateIPAddresses().Select(a => a.ToString())];
    }

    private static string Words(X509ChainStatusFlags status) => status switch
    {
        X509ChainStatusFlags.UntrustedRoot => "its authority is not trusted here",
        X509ChainStatusFlags.PartialChain => "the chain to a trusted authority is not whole: the server may not send its intermediate certificate",
        X509ChainStatusFlags.NotSignatureValid => "a signature in the chain is wrong",
        X509ChainStatusFlags.Revoked => "it was revoked",
        _ => $"the chain is not right ({status})",
    };
}
