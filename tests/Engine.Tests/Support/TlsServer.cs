using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>An authority of a test's own and a real TLS server with a certificate of it.</summary>
internal sealed class TlsServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly SslStreamCertificateContext context;

    public TlsServer(X509Certificate2 certificate, params X509Certificate2[] above)
    {
        context = SslStreamCertificateContext.Create(certificate, [.. above], offline: true);
        listener.Start();
        _ = Accept();
    }

    /// <summary>The name that the last client asked for.</summary>
    public string? AskedFor { get; private set; }

    /// <summary>What later connections get in place of a handshake, and then nothing more; null treats them as the first.</summary>
    public string? ToOthers { get; init; }

    public string Endpoint => $"localhost:{((IPEndPoint)listener.LocalEndpoint).Port}";

    /// <summary>An authority that signs itself.</summary>
    public static X509Certificate2 Authority(string name = "Test authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-1), DateTimeOffset.UtcNow.AddYears(5));
    }

    /// <summary>A certificate that an authority signed.</summary>
    /// <param name="authority">Who signs.</param>
    /// <param name="name">The host's name; for an intermediate its own.</param>
    /// <param name="age">How long ago it became valid.</param>
    /// <param name="left">How long it is valid from now on; negative where it has expired.</param>
    /// <param name="isAuthority">Whether it signs others.</param>
    public static X509Certificate2 Certificate(X509Certificate2 authority, string name, TimeSpan age, TimeSpan left, bool isAuthority = false)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name.Replace(' ', '-'));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, critical: true));
        using var signed = request.Create(authority, DateTimeOffset.UtcNow - age, DateTimeOffset.UtcNow + left, RandomNumberGenerator.GetBytes(8));
        using var whole = signed.CopyWithPrivateKey(key);

        // Through PKCS#12, so that the key is one that every platform's TLS takes.
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    public void Dispose() => listener.Dispose();

    private async Task Accept()
    {
        try
        {
            for (var isFirst = true; ; isFirst = false)
            {
                var client = await listener.AcceptTcpClientAsync();
                _ = isFirst || ToOthers is null ? Serve(client) : Say(client, ToOthers);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task Say(TcpClient client, string words)
    {
        using var _ = client;
        await client.GetStream().WriteAsync(System.Text.Encoding.Latin1.GetBytes(words));
        await Task.Delay(TimeSpan.FromSeconds(10));
    }

    private async Task Serve(TcpClient client)
    {
        try
        {
            using var _ = client;
            await using var stream = new SslStream(client.GetStream());
            await stream.AuthenticateAsServerAsync(
                (_, hello, _, _) =>
                {
                    AskedFor = hello.ServerName;
                    return ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = context });
                },
                null);
            var buffer = new byte[4096];
            if (await stream.ReadAsync(buffer) > 0)
            {
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"u8.ToArray());
            }
        }
        catch (Exception e) when (e is IOException or AuthenticationException or SocketException)
        {
            // The client has seen enough.
        }
    }
}
