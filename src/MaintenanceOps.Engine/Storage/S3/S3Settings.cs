using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>How long a request is waited for and how often it is tried.</summary>
internal sealed record S3Patience
{
    /// <summary>How often a request is sent before its failure is told.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>A connection over which nothing moves for so long is given up.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A server that does not accept a connection in this time is given up.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The wait before the second attempt; it doubles with each one.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>No new attempt begins after this time.</summary>
    public TimeSpan Total { get; init; } = TimeSpan.FromMinutes(3);
}

/// <summary>The settings of the SDK's client: the location's options, then the environment, then what S3 is used to.</summary>
internal static class S3Settings
{
    private const string DefaultRegion = "us-east-1";

    /// <summary>The server that requests go to; null for AWS itself.</summary>
    public static Uri? EndpointOf(S3Location location)
    {
        foreach (var variable in location.Endpoint is null ? new[] { "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL" } : [])
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value)
            {
                return S3Location.ParseEndpoint(value, $"The environment variable {variable}");
            }
        }

        return location.Endpoint;
    }

    /// <summary>Makes a client. Credentials come from the SDK's usual chain, and only when the first request is signed.</summary>
    public static AmazonS3Client Connect(S3Location location, Uri? endpoint, HttpClientFactory http)
    {
        var config = new AmazonS3Config
        {
            // Retries are ours: the SDK's end where the headers are read, and a body can break off later.
            MaxErrorRetry = 0,
            MaxStaleConnectionRetries = 0,

            // A whole request has no limit, since a pack over a slow line takes its time; standing still has one.
            Timeout = Timeout.InfiniteTimeSpan,
            HttpClientFactory = http,

            // Each upload carries Content-MD5, which every server knows. The SDK's newer checksum headers and trailers are
            // refused by several S3-compatible servers.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            ForcePathStyle = location.PathStyle ?? endpoint is not null,
        };
        var region = location.Region ?? RegionOfEnvironment();
        if (endpoint is not null)
        {
            config.ServiceURL = endpoint.ToString();
            config.AuthenticationRegion = region ?? DefaultRegion;
        }
        else if (region is not null || config.RegionEndpoint is null)
        {
            // Where nothing is said, the SDK has looked into the profile and, on a machine of AWS, asked the machine.
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region ?? DefaultRegion);
        }

        return new AmazonS3Client(config);
    }

    private static string? RegionOfEnvironment()
    {
        foreach (var variable in new[] { "AWS_REGION", "AWS_DEFAULT_REGION" })
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value)
            {
                return value;
            }
        }

        return null;
    }
}
