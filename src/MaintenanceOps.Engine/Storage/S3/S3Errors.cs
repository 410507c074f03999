using System.Net;
using System.Net.Sockets;
using Amazon.Runtime;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>Tells apart what a server or the way to it can answer, and names it with the engine's codes.</summary>
internal static class S3Errors
{
    public static bool IsNotFound(AmazonServiceException e) =>
        e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode is not ("NoSuchBucket" or "NoSuchUpload");

    public static bool IsNoSuchUpload(AmazonServiceException e) => e.ErrorCode == "NoSuchUpload";

    public static bool IsRangeOutside(AmazonServiceException e) => e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable;

    /// <summary>The answer to a conditional put of a name that is taken.</summary>
    public static bool IsTaken(AmazonServiceException e) => e.StatusCode == HttpStatusCode.PreconditionFailed;

    /// <summary>The SDK has found that a body does not have the MD5 that its tag tells. It has no type of its own for it.</summary>
    public static bool IsOtherHash(AmazonClientException e) => e.Message.Contains("hash", StringComparison.OrdinalIgnoreCase);

    /// <summary>The server does not know the operation, or a header of it.</summary>
    public static bool IsNotSupported(AmazonServiceException e) =>
        e.StatusCode is HttpStatusCode.NotImplemented or HttpStatusCode.MethodNotAllowed
        || (e.StatusCode == HttpStatusCode.BadRequest && e.ErrorCode is "NotImplemented" or "InvalidArgument" or "InvalidRequest" or "UnsupportedHeader");

    /// <summary>Whether the same request may go well a moment later.</summary>
    public static bool IsPassing(Exception e) => e switch
    {
        _ when RefusalIn(e) is not null => false,
        AmazonServiceException service when IsBusy(service) => true,
        AmazonUnmarshallingException => true,
        AmazonServiceException { StatusCode: not 0 } => false,
        OperationCanceledException or TimeoutException or IOException or HttpRequestException or SocketException => true,
        _ => e.InnerException is { } inner && IsPassing(inner),
    };

    /// <summary>Names the failure for the user.</summary>
    /// <param name="e">What the SDK reported.</param>
    /// <param name="doing">What was tried, such as <c>write 'packs/3f/3f…'</c>.</param>
    /// <param name="location">The location.</param>
    /// <param name="endpoint">The server; null for AWS itself.</param>
    /// <param name="attempts">How often it was tried.</param>
    public static MaintenanceException Wrap(Exception e, string doing, S3Location location, Uri? endpoint, int attempts)
    {
        var where = Where(location, endpoint);
        return e switch
        {
            AmazonServiceException { ErrorCode: "NoSuchBucket" } => New(
                ErrorCode.StoreUnavailable,
                $"There is no bucket '{location.Bucket}' at {(endpoint is null ? "AWS" : endpoint.GetLeftPart(UriPartial.Authority))}. Make it first, or check the name, the endpoint and the region.",
                location,
                e),
            AmazonServiceException { ErrorCode: "RequestTimeTooSkewed" } => New(
                ErrorCode.AccessDenied,
                $"Cannot {doing} in {where}: this machine's clock differs too much from the server's. Set it right.",
                location,
                e),
            AmazonServiceException service when service.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized || IsOfCredentials(service) => New(
                ErrorCode.AccessDenied,
                $"Cannot {doing} in {where}: {Reason(service)} Check the credentials, their rights and, where the object is locked, until when.",
                location,
                e),
            AmazonServiceException { StatusCode: not 0 } service => New(
                ErrorCode.StoreUnavailable,
                $"Cannot {doing} in {where}: {Reason(service)}{Tried(attempts)}",
                location,
                e),
            _ when RefusalIn(e) is { } refusal => New(ErrorCode.StoreUnavailable, $"Cannot {doing} in {where}: {refusal.Message}", location, e),
            _ when IsPassing(e) => New(
                ErrorCode.StoreUnavailable,
                $"Cannot {doing} in {where}: {Cause(e)}{Tried(attempts)} Check the network and the endpoint, and run it again.",
                location,
                e),

            // The SDK has no type of its own for credentials that are nowhere to be found.
            AmazonClientException when e.Message.Contains("credential", StringComparison.OrdinalIgnoreCase) => New(
                ErrorCode.AccessDenied,
                $"Cannot {doing} in {where}: no credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile in AWS_PROFILE, or give the machine a role.",
                location,
                e),
            _ => New(ErrorCode.StoreUnavailable, $"Cannot {doing} in {where}: {Sentence(e.Message)}", location, e),
        };
    }

    /// <summary>Names a request over which too little moved.</summary>
    public static MaintenanceException Stalled(Exception e, string doing, S3Location location, Uri? endpoint, int attempts, TimeSpan idle) => New(
        ErrorCode.StoreUnavailable,
        $"Cannot {doing} in {Where(location, endpoint)}: the server did not answer in time, or so slowly that hardly anything moved in {idle.TotalSeconds:0.#} s.{Tried(attempts)} Check the network and the server, or give the location a longer ?timeout=, in seconds.",
        location,
        e);

    private static string Where(S3Location location, Uri? endpoint) =>
        $"{S3Location.Scheme}{location.Bucket} at {(endpoint is null ? "AWS" : endpoint.GetLeftPart(UriPartial.Authority))}";

    private static S3RefusedException? RefusalIn(Exception? e) => e switch
    {
        null => null,
        S3RefusedException refusal => refusal,
        _ => RefusalIn(e.InnerException),
    };

    private static bool IsBusy(AmazonServiceException e) =>
        e.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
        || ((int)e.StatusCode >= 500 && e.StatusCode != HttpStatusCode.NotImplemented)
        || e.ErrorCode is "SlowDown" or "RequestTimeout" or "InternalError" or "ServiceUnavailable" or "BadDigest" or "ConditionalRequestConflict" or "OperationAborted" or "IncompleteBody";

    private static bool IsOfCredentials(AmazonServiceException e) =>
        e.ErrorCode is "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "ExpiredToken" or "InvalidToken" or "TokenRefreshRequired";

    private static string Reason(AmazonServiceException e)
    {
        var code = string.IsNullOrEmpty(e.ErrorCode) ? $"HTTP {(int)e.StatusCode}" : e.ErrorCode;

        // A server without a body to its answer leaves the SDK with nothing but the type's name to tell.
        return string.IsNullOrWhiteSpace(e.Message) || e.Message.StartsWith("Exception of type", StringComparison.Ordinal)
            ? $"the server answered {code}."
            : $"the server answered {code}: {Sentence(e.Message)}";
    }

    private static string Cause(Exception e)
    {
        var root = e;
        while (root.InnerException is { } inner)
        {
            root = inner;
        }

        return root is OperationCanceledException or TimeoutException ? "the server did not answer in time." : Sentence(root.Message);
    }

    private static string Tried(int attempts) => attempts > 1 ? $" It was tried {attempts} times." : "";

    private static string Sentence(string text) => text.TrimEnd().TrimEnd('.') + ".";

    private static MaintenanceException New(ErrorCode code, string message, S3Location location, Exception inner) =>
        new(code, message, location.Text, inner);
}
