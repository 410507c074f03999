using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace MaintenanceOps.Engine.Health.Probes.Tls;

/// <summary>
/// Looks at the certificates that a server really presents: whether they are trusted and for the right name, how much of
/// their lifetime is left, and whether a renewed one on the disk is served already.
/// </summary>
public sealed class TlsProbe : IProbe
{
    private const int UsualPort = 443;
    private readonly Endpoint endpoint;
    private readonly TlsProbeOptions options;

    /// <param name="endpoint"><c>host:port</c>; 443 where the port is left out.</param>
    /// <param name="options">What is wanted of it.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public TlsProbe(string endpoint, TlsProbeOptions? options = null)
    {
        this.endpoint = Endpoint.Parse(endpoint, UsualPort);
        this.options = options ?? new TlsProbeOptions();
    }

    /// <inheritdoc/>
    public string Kind => "tls";

    /// <inheritdoc/>
    public string Target => endpoint.ToString();

    /// <inheritdoc/>
    public async Task<Observation> Observe(ProbeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var verdict = new Verdict();
        try
        {
            using var served = await Shake(context.Cancellation).ConfigureAwait(false);
            Judge(served, verdict);
            await JudgeObsolete(verdict, context.Cancellation).ConfigureAwait(false);
            return verdict.End($"{Left(served.Leaf)} left, until {served.Leaf.NotAfter.ToUniversalTime():u}");
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            verdict.Unhealthy($"no TLS connection: {Expectation.Shorten(e.GetBaseException().Message, 160)}");
            if (e is not SocketException)
            {
                await JudgeObsolete(verdict, context.Cancellation).ConfigureAwait(false);
            }

            return verdict.End("");
        }
    }

    /// <summary>On a connection of its own: the answer to an obsolete greeting.</summary>
    private async Task JudgeObsolete(Verdict verdict, CancellationToken cancellation)
    {
        var obsolete = await ObsoleteTls.Accepted(endpoint, Name, cancellation).ConfigureAwait(false);
        verdict.Fact("ObsoleteProtocol", obsolete);
        if (obsolete is not null)
        {
            verdict.Degraded($"it takes {obsolete}, which is obsolete");
        }
    }

    private async Task<ServedCertificates> Shake(CancellationToken cancellation)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(endpoint.Host, endpoint.Port, cancellation).ConfigureAwait(false);
        var seen = default(ServedCertificates);
        var stream = new SslStream(client.GetStream());
        await using var _ = stream.ConfigureAwait(false);
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = Name,

                // Whatever it presents is looked at, so the connection itself takes it; nothing is sent over it.
#pragma warning disable CA5359
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                {
                    seen = new ServedCertificates((X509Certificate2)certificate!, chain, options.Trust, Name);
                    return true;
                },
#pragma warning restore CA5359
            },
            cancellation).ConfigureAwait(false);
        return seen! with { Protocol = stream.SslProtocol, Cipher = stream.NegotiatedCipherSuite.ToString() };
    }

    private string Name => options.Trust.ServerName ?? endpoint.Host;

    private void Judge(ServedCertificates served, Verdict verdict)
    {
        Tell(served, verdict);
        foreach (var problem in served.Problems)
        {
            verdict.Unhealthy(problem);
        }

        JudgeLifetime(served.Leaf, verdict);
        foreach (var intermediate in served.Presented)
        {
            JudgeAbove(intermediate, served.Leaf, verdict);
        }

        if (options.CertificateFile is { } file)
        {
            JudgeFile(served.Leaf, file, verdict);
        }
    }

    private static void Tell(ServedCertificates served, Verdict verdict)
    {
        verdict.Fact("Subject", served.Leaf.Subject);
        verdict.Fact("Issuer", served.Leaf.Issuer);
        verdict.Fact("Names", TlsTrust.NamesOf(served.Leaf).ToArray());
        verdict.Fact("NotBefore", new DateTimeOffset(served.Leaf.NotBefore.ToUniversalTime()));
        verdict.Fact("NotAfter", new DateTimeOffset(served.Leaf.NotAfter.ToUniversalTime()));
        verdict.Fact("LifetimeLeft", Math.Round(ShareLeft(served.Leaf), 4));
        verdict.Fact("Thumbprint", served.Leaf.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256));
        verdict.Fact("Presented", served.Presented.Select(c => c.Subject).ToArray());
        verdict.Fact("Protocol", served.Protocol.ToString());
        verdict.Fact("Cipher", served.Cipher);
    }

    /// <summary>By the share of its lifetime: 30 days are little for a year, and more than a short-lived certificate ever has.</summary>
    private void JudgeLifetime(X509Certificate2 certificate, Verdict verdict)
    {
        var now = DateTime.UtcNow;
        var share = ShareLeft(certificate);
        if (now >= certificate.NotAfter.ToUniversalTime())
        {
            verdict.Unhealthy($"the certificate expired at {certificate.NotAfter.ToUniversalTime():u}");
        }
        else if (now < certificate.NotBefore.ToUniversalTime())
        {
            verdict.Unhealthy($"the certificate is not valid before {certificate.NotBefore.ToUniversalTime():u}");
        }
        else if (share < options.UnhealthyBelow)
        {
            verdict.Unhealthy($"the certificate has {Left(certificate)} left, less than {options.UnhealthyBelow:0.##%} of its lifetime");
        }
        else if (share < options.DegradedBelow)
        {
            verdict.Degraded($"the certificate has {Left(certificate)} left, less than {options.DegradedBelow:0.##%} of its lifetime");
        }
    }

    /// <summary>An authority's certificate lives for years and is not this operator's to renew; that it ends before the leaf is. The chain itself is judged by trust.</summary>
    private static void JudgeAbove(X509Certificate2 above, X509Certificate2 leaf, Verdict verdict)
    {
        if (above.NotAfter < leaf.NotAfter)
        {
            verdict.Degraded($"the certificate of {ServedCertificates.NameOf(above)}, which is presented with it, {(above.NotAfter < DateTime.Now ? "ended" : "ends")} at {above.NotAfter.ToUniversalTime():u}, before the certificate itself");
        }
    }

    private static void JudgeFile(X509Certificate2 served, string file, Verdict verdict)
    {
        using var onDisk = TlsTrust.Load(file)[0];
        verdict.Fact("FileNotAfter", new DateTimeOffset(onDisk.NotAfter.ToUniversalTime()));
        if (onDisk.RawDataMemory.Span.SequenceEqual(served.RawDataMemory.Span))
        {
            return;
        }

        verdict.Degraded(onDisk.NotAfter > served.NotAfter
            ? $"'{file}' was renewed until {onDisk.NotAfter.ToUniversalTime():u}, but the old certificate is served: reload the server"
            : $"'{file}' is another certificate than the one that is served");
    }

    private static double ShareLeft(X509Certificate2 certificate) =>
        Math.Clamp((certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow) / (certificate.NotAfter - certificate.NotBefore), 0, 1);

    private static string Left(X509Certificate2 certificate)
    {
        var left = certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow;
        return left.TotalDays >= 2 ? $"{left.TotalDays:0} days" : Duration.Format(left);
    }
}
