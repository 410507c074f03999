using Amazon.Runtime;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>
/// The connections of one store. The SDK would share them between all clients of the process, whose lives have nothing to
/// do with each other.
/// </summary>
internal sealed class S3Connections : HttpClientFactory, IDisposable
{
    private readonly HttpClient http;

    public S3Connections(S3Patience patience) => http = new HttpClient(new S3Watch(new SocketsHttpHandler
    {
        ConnectTimeout = patience.Connect,

        // So that a server that moved to another address is found.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        AllowAutoRedirect = false,
        UseCookies = false,
    }))
    {
        // A whole request has no limit; standing still has one, see S3Attempt.
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => http;

    public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

    public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;

    public void Dispose() => http.Dispose();
}
