using System.Runtime.CompilerServices;

namespace MaintenanceOps.Engine.Storage;

/// <summary>Finds the store that a location names. A new kind of store is one line here.</summary>
public static class ObjectStores
{
    /// <summary>Opens the store at a location: a path, or <c>s3://bucket/prefix</c>.</summary>
    /// <param name="location">The location.</param>
    /// <param name="cancellation">Ends every wait for a remote store, as long as it is open.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the location names no known kind.</exception>
    public static IObjectStore Open(string location, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(location);
        var scheme = location.IndexOf("://", StringComparison.Ordinal);
        return scheme < 0
            ? new LocalObjectStore(location)
            : location[..scheme].ToLowerInvariant() switch
            {
                "file" => new LocalObjectStore(new Uri(location).LocalPath),
                "s3" => new CancellableStore(OpenS3(location), cancellation),
                _ => throw new MaintenanceException(
                    ErrorCode.InvalidArgument,
                    $"'{location}' names no store that is known. Use a path or s3://bucket/prefix.",
                    location),
            };
    }

    /// <summary>In a method of its own that is not inlined: the AWS SDK is loaded when this runs, and never for a folder.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static S3.S3ObjectStore OpenS3(string location) => new(S3.S3Location.Scheme + location[S3.S3Location.Scheme.Length..]);
}
