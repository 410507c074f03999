using System.Security.Cryptography.X509Certificates;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Health.Probes.Tls;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>What a real TLS server presents: trusted, for the right name, with lifetime left, and the one that lies on the disk.</summary>
public sealed class TlsProbeTests : IDisposable
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private readonly TestFolder folder = new();
    private readonly X509Certificate2 authority = TlsServer.Authority();

    public TlsProbeTests() => Write("ca.pem", authority);

    public void Dispose()
    {
        authority.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_trusted_certificate_with_most_of_its_life_before_it_is_healthy()
    {
        using var certificate = Localhost(10 * Day, 80 * Day);
        using var server = new TlsServer(certificate);
        var result = Ask(server);
        Assert.Equal((HealthStatus.Healthy, ""), (result.Status, result.Status == HealthStatus.Healthy ? "" : result.Reason));
        Assert.Equal("CN=localhost", result.Facts["Subject"]);
        Assert.InRange((double)result.Facts["LifetimeLeft"], 0.88, 0.90);
    }

    [Theory]
    [InlineData(80, 10, HealthStatus.Degraded)]
    [InlineData(85, 5, HealthStatus.Unhealthy)]
    [InlineData(2, 4, HealthStatus.Healthy)]
    [InlineData(5, 1, HealthStatus.Degraded)]
    public void Lifetime_counts_by_its_share(int age, int left, HealthStatus expected)
    {
        using var certificate = Localhost(age * Day, left * Day);
        using var server = new TlsServer(certificate);
        Assert.Equal(expected, Ask(server).Status);
    }

    [Fact]
    public void An_expired_certificate_is_unhealthy_and_told_once()
    {
        using var certificate = Localhost(90 * Day, -1 * Day);
        using var server = new TlsServer(certificate);
        var result = Ask(server);
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.StartsWith("the certificate expired at ", result.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(";", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_for_another_host_is_unhealthy()
    {
        using var certificate = TlsServer.Certificate(authority, "notes.example", Day, 80 * Day);
        using var server = new TlsServer(certificate);
        Assert.Contains("not for localhost, but for notes.example", Ask(server).Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Healthy, Ask(server, new TlsProbeOptions { Trust = Trust with { ServerName = "notes.example" } }).Status);
        Assert.Equal("notes.example", server.AskedFor);
    }

    [Fact]
    public void An_authority_that_is_not_trusted_is_unhealthy()
    {
        using var certificate = Localhost(Day, 80 * Day);
        using var server = new TlsServer(certificate);
        var result = Ask(server, new TlsProbeOptions());
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.Contains("chain", result.Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Healthy, Ask(server, new TlsProbeOptions { Trust = new TlsTrust { SkipCheck = true } }).Status);
    }

    [Fact]
    public void An_intermediate_that_is_not_sent_is_found_and_one_of_long_life_is_not_judged_like_the_leaf()
    {
        using var intermediate = TlsServer.Certificate(authority, "Test intermediate", 300 * Day, 10 * Day, isAuthority: true);
        using var certificate = TlsServer.Certificate(intermediate, "localhost", Day, 9 * Day);
        using (var server = new TlsServer(certificate))
        {
            Assert.Contains("intermediate", Ask(server).Reason, StringComparison.Ordinal);
        }

        using var whole = new TlsServer(certificate, intermediate);
        var result = Ask(whole);
        Assert.Equal(HealthStatus.Healthy, result.Status);
        Assert.Equal("CN=Test intermediate", Assert.Single((string[])result.Facts["Presented"]));
    }

    [PeerFact("openssl")]
    public void An_intermediate_that_ends_before_the_certificate_is_degraded_and_one_of_tomorrow_unhealthy()
    {
        using var intermediate = TlsServer.Certificate(authority, "Test intermediate", 300 * Day, 10 * Day, isAuthority: true);
        using var certificate = TlsServer.Certificate(intermediate, "localhost", Day, 9 * Day);
        using var shorter = TlsServer.Certificate(authority, "Short intermediate", 300 * Day, 5 * Day, isAuthority: true);
        WriteWhole("served.pem", certificate);
        File.WriteAllText(folder["above.pem"], intermediate.ExportCertificatePem() + "\n" + shorter.ExportCertificatePem());
        using var server = new OpenSslServer(folder["served.pem"], "-cert_chain", folder["above.pem"]);
        var result = Look.At(new TlsProbe(server.Endpoint, new TlsProbeOptions { Trust = Trust }));
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.StartsWith("the certificate of Short intermediate, which is presented with it, ends at ", result.Reason, StringComparison.Ordinal);
        using var tomorrow = Localhost(-1 * Day, 80 * Day);
        using var early = new TlsServer(tomorrow);
        Assert.Equal(HealthStatus.Unhealthy, Ask(early).Status);
        Assert.Contains("is not valid before ", Ask(early).Reason, StringComparison.Ordinal);
    }

    [PeerFact("openssl")]
    public void A_server_that_takes_obsolete_versions_is_found_beside_new_ones_and_alone()
    {
        using var certificate = Localhost(Day, 80 * Day);
        WriteWhole("served.pem", certificate);
        using (var both = new OpenSslServer(folder["served.pem"], "-min_protocol", "TLSv1"))
        {
            var result = Look.At(new TlsProbe(both.Endpoint, new TlsProbeOptions { Trust = Trust }));
            Assert.Equal((HealthStatus.Degraded, "it takes TLS 1.1, which is obsolete"), (result.Status, result.Reason));
            Assert.Equal("Tls13", result.Facts["Protocol"]);
        }

        using (var alone = new OpenSslServer(folder["served.pem"], "-tls1"))
        {
            var result = Look.At(new TlsProbe(alone.Endpoint, new TlsProbeOptions { Trust = Trust }));
            Assert.Equal(HealthStatus.Unhealthy, result.Status);
            Assert.Contains("it takes TLS 1.0, which is obsolete", result.Reason, StringComparison.Ordinal);
        }

        using var modern = new OpenSslServer(folder["served.pem"], "-min_protocol", "TLSv1.2");
        Assert.Equal(HealthStatus.Healthy, Look.At(new TlsProbe(modern.Endpoint, new TlsProbeOptions { Trust = Trust })).Status);
    }

    /// <summary>As something in between does that drops what it does not know.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("\u0015\u0003\u0001\u0000\u0002\u0002\u0046")]
    [InlineData("\u0016\u0003")]
    public void A_server_that_says_nothing_to_an_obsolete_greeting_keeps_the_verdict_of_the_first(string said)
    {
        using var certificate = Localhost(Day, 80 * Day);
        using var server = new TlsServer(certificate) { ToOthers = said };
        var result = Ask(server);
        Assert.True(result.Status == HealthStatus.Healthy, result.Reason);
        Assert.True(result.Latency < TimeSpan.FromSeconds(3), $"{result.Latency}");
    }

    [Theory]
    [InlineData("a..b")]
    [InlineData("*.x.de")]
    [InlineData("host name")]
    public void A_name_that_is_none_is_an_error(string name) =>
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => new TlsTrust { ServerName = name }).Code);

    [Fact]
    public void A_renewed_certificate_that_is_not_served_yet_is_found()
    {
        using var served = Localhost(30 * Day, 60 * Day);
        using var renewed = Localhost(Day, 89 * Day);
        using var server = new TlsServer(served);
        Write("cert.pem", renewed);
        var options = new TlsProbeOptions { Trust = Trust, CertificateFile = folder["cert.pem"] };
        var result = Ask(server, options);
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains("reload the server", result.Reason, StringComparison.Ordinal);
        Write("cert.pem", served);
        Assert.Equal(HealthStatus.Healthy, Ask(server, options).Status);
        File.WriteAllText(folder["cert.pem"], "no certificate");
        Assert.Equal(HealthStatus.Unknown, Ask(server, options).Status);
    }

    [Fact]
    public void A_server_that_speaks_no_tls_is_unhealthy()
    {
        using var server = new RawServer("SSH-2.0-OpenSSH_9.2\r\n");
        Assert.Contains("no TLS connection", Look.At(new TlsProbe($"localhost:{server.Port}")).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_web_address_says_what_is_wrong_with_its_certificate()
    {
        using var wrong = TlsServer.Certificate(authority, "notes.example", Day, 80 * Day);
        using var expired = Localhost(90 * Day, -1 * Day);
        using var right = Localhost(Day, 80 * Day);
        Assert.Contains("not for localhost", Web(wrong).Reason, StringComparison.Ordinal);
        Assert.Contains("was valid from", Web(expired).Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Healthy, Web(right).Status);

        // A server that is reached by another name than its certificate's.
        using var server = new TlsServer(wrong);
        var question = new HttpQuestion { Uri = new Uri($"https://{server.Endpoint}/"), Trust = Trust with { ServerName = "notes.example" } };
        Assert.Equal(HealthStatus.Healthy, Look.At(new HttpProbe(question)).Status);
        Assert.Equal("notes.example", server.AskedFor);
    }

    private TlsTrust Trust => new() { AuthorityFile = folder["ca.pem"] };

    private HealthResult Web(X509Certificate2 certificate)
    {
        using var server = new TlsServer(certificate);
        return Look.At(new HttpProbe(new HttpQuestion { Uri = new Uri($"https://{server.Endpoint}/"), Trust = Trust }));
    }

    private X509Certificate2 Localhost(TimeSpan age, TimeSpan left) => TlsServer.Certificate(authority, "localhost", age, left);

    private HealthResult Ask(TlsServer server, TlsProbeOptions? options = null) => Look.At(new TlsProbe(server.Endpoint, options ?? new TlsProbeOptions { Trust = Trust }));

    private void WriteWhole(string name, X509Certificate2 certificate) =>
        File.WriteAllText(folder[name], certificate.ExportCertificatePem() + "\n" + certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

    private void Write(string name, X509Certificate2 certificate) => File.WriteAllText(folder[name], certificate.ExportCertificatePem());
}
