using System.Globalization;
using System.Net;
using System.Xml;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>
/// Looks at every answer before the SDK does. A redirect is never followed, since the request is signed and its credentials are
/// for one server; a page of a listing is believed only if it is a whole page of the listing that was asked for.
/// </summary>
internal sealed class S3Watch(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>A page has at most 1,000 keys of at most 1,024 bytes.</summary>
    private const int LongestPage = 16 * 1024 * 1024;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            RefuseRedirect(response);
            if (response.StatusCode == HttpStatusCode.OK && request.Method == HttpMethod.Get && Query(request.RequestUri!, "list-type") is not null)
            {
                await CheckPage(request.RequestUri!, response, cancellationToken).ConfigureAwait(false);
            }

            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static void RefuseRedirect(HttpResponseMessage response)
    {
        if ((int)response.StatusCode is < 300 or >= 400 || response.StatusCode == HttpStatusCode.NotModified)
        {
            return;
        }

        // Of the new address only the server is told: its query may hold a signature.
        var to = response.Headers.Location is { IsAbsoluteUri: true } l ? $" to {l.GetLeftPart(UriPartial.Authority)}" : "";
        var region = response.Headers.TryGetValues("x-amz-bucket-region", out var regions) ? $" The bucket is in region {regions.First()}." : "";
        throw new S3RefusedException($"The server answers with a redirect ({(int)response.StatusCode}){to}, which is not followed: credentials are for one server.{region} Give the right endpoint and region.");
    }

    private static async Task CheckPage(Uri asked, HttpResponseMessage response, CancellationToken cancellation)
    {
        var bytes = await ReadWhole(response, cancellation).ConfigureAwait(false);
        string? fault;
        try
        {
            fault = FaultOf(bytes, Query(asked, "prefix") ?? "", Query(asked, "continuation-token"));
        }
        catch (XmlException e)
        {
            fault = e.Message;
        }

        if (fault is not null)
        {
            throw new IOException($"The server's list of objects is not whole or not a list: {fault}");
        }

        var content = new ByteArrayContent(bytes);
        foreach (var header in response.Content.Headers)
        {
            content.Headers.TryAddWithoutValidation(header.Key, header.Value);
        }

        response.Content.Dispose();
        response.Content = content;
    }

    private static async Task<byte[]> ReadWhole(HttpResponseMessage response, CancellationToken cancellation)
    {
        using var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        using var whole = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = await body.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
        {
            S3Attempt.Current?.Moved(read);
            whole.Write(buffer, 0, read);
            if (whole.Length > LongestPage)
            {
                throw new IOException($"The server's list of objects has more than {ByteSize.Format(LongestPage)} a page.");
            }
        }

        return whole.ToArray();
    }

    /// <summary>What is wrong with a page; null where nothing is.</summary>
    private static string? FaultOf(byte[] bytes, string prefix, string? token)
    {
        var facts = new Dictionary<string, string>();
        var keys = 0;
        string? foreign = null;
        using var reader = XmlReader.Create(new MemoryStream(bytes), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
        reader.MoveToContent();
        if (reader.LocalName != "ListBucketResult")
        {
            return $"it begins with <{reader.LocalName}>.";
        }

        for (var more = reader.Read(); more;)
        {
            if (reader.NodeType == XmlNodeType.Element && reader.Depth == 1 && reader.LocalName is not ("Contents" or "CommonPrefixes"))
            {
                facts[reader.LocalName] = reader.ReadElementContentAsString();
                continue;
            }

            keys += reader.NodeType == XmlNodeType.Element && reader.Depth == 1 && reader.LocalName == "Contents" ? 1 : 0;
            if (reader.NodeType == XmlNodeType.Element && reader.Depth == 2 && reader.LocalName == "Key")
            {
                var key = reader.ReadElementContentAsString();
                foreign ??= Fits(key, prefix) ? null : key;
                continue;
            }

            more = reader.Read();
        }

        var next = facts.GetValueOrDefault("NextContinuationToken", "");
        return facts.GetValueOrDefault("IsTruncated") switch
        {
            not ("true" or "false") => "it does not say whether it is the last page.",
            "true" when next.Length == 0 => "it is truncated and does not say how to go on.",
            "true" when next == token => "its next page is itself.",
            "true" when keys == 0 => "it is empty and says that more follows.",
            _ when foreign is not null => "it holds a name outside of what was asked for.",
            _ when facts.TryGetValue("Prefix", out var told) && !Fits(told, prefix) => "it is the list of another prefix.",
            _ when int.TryParse(facts.GetValueOrDefault("KeyCount"), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count != keys => $"it says that it has {count} names and has {keys}.",
            _ => null,
        };
    }

    /// <summary>A server may encode names as in a URL.</summary>
    private static bool Fits(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal) || WebUtility.UrlDecode(name).StartsWith(prefix, StringComparison.Ordinal);

    private static string? Query(Uri address, string name)
    {
        foreach (var part in address.Query.TrimStart('?').Split('&'))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if ((equals < 0 ? part : part[..equals]) == name)
            {
                return equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..]);
            }
        }

        return null;
    }
}

/// <summary>An answer that makes no sense to ask for again.</summary>
internal sealed class S3RefusedException(string message) : Exception(message);
