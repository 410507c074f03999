using System.Globalization;
using System.Net;
using System.Text;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>
/// What a location such as <c>s3://bucket/prefix?endpoint=http://127.0.0.1:9000</c> names. Secrets have no place in it:
/// a location ends up in objects, logs and the shell's history.
/// </summary>
internal sealed record S3Location
{
    public const string Scheme = "s3://";
    private const string Known = "endpoint, region, pathStyle and timeout";

    private S3Location(string bucket, string prefix, Uri? endpoint, string? region, bool? pathStyle, TimeSpan? timeout)
    {
        Bucket = bucket;
        Prefix = prefix;
        Endpoint = endpoint;
        Region = region;
        PathStyle = pathStyle;
        Timeout = timeout;
        Text = Write();
    }

    public string Bucket { get; }

    /// <summary>What all names begin with, without slashes at its ends; empty for a bucket's root.</summary>
    public string Prefix { get; }

    /// <summary>The server that the location itself names; null where the environment or AWS decides.</summary>
    public Uri? Endpoint { get; }

    public string? Region { get; }

    public bool? PathStyle { get; }

    /// <summary>How long a line may stand still; null where the usual time counts.</summary>
    public TimeSpan? Timeout { get; }

    /// <summary>
    /// The location in one spelling. It keeps its options, because a snapshot's <c>Repository</c> must lead back to the
    /// same server; what came from the environment is not written into it.
    /// </summary>
    public string Text { get; }

    /// <summary>The key of an object in the bucket.</summary>
    public string KeyOf(string name) => Prefix.Length == 0 ? name : $"{Prefix}/{name}";

    /// <summary>The object's name, made from its key.</summary>
    public string NameOf(string key) => Prefix.Length == 0 ? key : key[(Prefix.Length + 1)..];

    /// <summary>Takes a location apart.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; its text repeats no secret.</exception>
    public static S3Location Parse(string location)
    {
        var rest = location[Scheme.Length..];
        var question = rest.IndexOf('?', StringComparison.Ordinal);
        var path = question < 0 ? rest : rest[..question];
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var bucket = slash < 0 ? path : path[..slash];
        if (bucket.Contains('@', StringComparison.Ordinal) || bucket.Contains(':', StringComparison.Ordinal))
        {
            throw Refuse("An S3 location takes no user, password or port: locations are shown and logged. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE) or the machine's role; the server from ?endpoint= or AWS_ENDPOINT_URL_S3.");
        }

        if (bucket.Length is < 3 or > 255 || !bucket.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'))
        {
            throw Refuse($"'{bucket}' cannot be the name of a bucket. Write s3://bucket/prefix.");
        }

        var prefix = (slash < 0 ? "" : path[slash..]).Trim('/');
        if (prefix.Split('/').Any(p => p is "." or ".." || (p.Length == 0 && prefix.Length > 0)) || prefix.Any(char.IsControl))
        {
            throw Refuse($"The prefix '{prefix}' has an empty, '.' or '..' part, which S3 and its clients read differently.");
        }

        return ReadOptions(bucket, prefix, question < 0 ? "" : rest[(question + 1)..]);
    }

    /// <summary>Reads the address of a server.</summary>
    public static Uri ParseEndpoint(string text, string from)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https"))
        {
            throw Refuse($"{from} is no address of a server. Write it as https://s3.example.com or http://127.0.0.1:9000.");
        }

        if (endpoint.UserInfo.Length > 0 || endpoint.Query.Length > 0)
        {
            throw Refuse($"{from} takes no user, password or query. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE) or the machine's role.");
        }

        return endpoint;
    }

    private static S3Location ReadOptions(string bucket, string prefix, string query)
    {
        Uri? endpoint = null;
        string? region = null;
        bool? pathStyle = null;
        TimeSpan? timeout = null;
        foreach (var option in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = option.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? option : option[..equals];
            var value = equals < 0 ? "" : WebUtility.UrlDecode(option[(equals + 1)..]);
            switch (name.ToLowerInvariant())
            {
                case "endpoint":
                    endpoint = ParseEndpoint(value, "The option endpoint");
                    break;
                case "region" when value.Length > 0 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'):
                    region = value;
                    break;
                case "pathstyle" when bool.TryParse(value, out var parsed):
                    pathStyle = parsed;
                    break;
                case "timeout" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= 86_400:
                    timeout = TimeSpan.FromSeconds(seconds);
                    break;
                case "region" or "pathstyle" or "timeout":
                    throw Refuse($"The option {name} of the S3 location has a value that it cannot have.");
                default:
                    // The value is left out: it may be a key that somebody put where it does not belong.
                    throw Refuse($"An S3 location has no option '{name}'; it knows {Known}. Credentials never stand in it.");
            }
        }

        return new S3Location(bucket, prefix, endpoint, region, pathStyle, timeout);
    }

    private string Write()
    {
        var text = new StringBuilder(Scheme).Append(Bucket);
        if (Prefix.Length > 0)
        {
            text.Append('/').Append(Prefix);
        }

        var separator = '?';
        void Option(string name, string? value)
        {
            if (value is not null)
            {
                text.Append(separator).Append(name).Append('=').Append(value);
                separator = '&';
            }
        }

        // What an address may hold can stand in a query as it is, but for these.
        Option("endpoint", Endpoint?.ToString().TrimEnd('/').Replace("%", "%25", StringComparison.Ordinal).Replace("&", "%26", StringComparison.Ordinal).Replace("+", "%2B", StringComparison.Ordinal));
        Option("region", Region);
        Option("pathStyle", PathStyle is null ? null : PathStyle.Value ? "true" : "false");
        Option("timeout", Timeout?.TotalSeconds.ToString("0", CultureInfo.InvariantCulture));
        return text.ToString();
    }

    private static MaintenanceException Refuse(string message) => new(ErrorCode.InvalidArgument, message);
}
