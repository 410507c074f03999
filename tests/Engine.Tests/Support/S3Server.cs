using System.Diagnostics;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>
/// A real s3rver as a child process on a free loopback port, one for all tests. It is looked for where
/// MAINTENANCEOPS_S3RVER says (its <c>s3rver.js</c> or the folder it was installed into), then in
/// <c>artifacts/s3rver</c> above the tests: <c>npm install --prefix artifacts/s3rver s3rver@3.7.1</c>.
/// </summary>
internal sealed partial class S3Server
{
    private static readonly Lazy<S3Server> Running = new(() => new S3Server());
    private readonly string folder;
    private int buckets;

    private S3Server()
    {
        var script = Script ?? throw new InvalidOperationException($"s3rver is required here. {WhyNot}");
        folder = Directory.CreateTempSubdirectory("mops-s3rver-").FullName;

        // s3rver has this one key, and the SDK's usual chain looks into the environment first.
        UseKey("S3RVER");
        var start = new ProcessStartInfo("node") { RedirectStandardOutput = true, RedirectStandardError = true };

        // s3rver ciphers the tokens of its listings with DES, which OpenSSL 3 keeps among its legacy algorithms.
        foreach (var argument in new[] { "--openssl-legacy-provider", script, "-d", folder, "-a", "127.0.0.1", "-p", "0", "--silent", "--no-vhost-buckets" })
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start)!;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop(process, folder);
        string? line;
        do
        {
            line = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"s3rver ended: {process.StandardError.ReadToEnd()}");
        }
        while (!ListeningOn().IsMatch(line));

        Port = int.Parse(ListeningOn().Match(line).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);

        // Read on, so that s3rver never waits for a full pipe.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
    }

    public static S3Server Shared => Running.Value;

    /// <summary>Why there is no server; null where there is one.</summary>
    public static string? WhyNot => Script is null
        ? "s3rver was not found: 'npm install --prefix artifacts/s3rver s3rver@3.7.1', or name its script in MAINTENANCEOPS_S3RVER."
        : FindNode() is null ? "node, which s3rver runs on, is not in the path." : null;

    /// <summary>Whether a missing server fails the tests instead of skipping them.</summary>
    public static bool IsRequired => (Environment.GetEnvironmentVariable("MAINTENANCEOPS_REQUIRE") ?? "").Split(',', StringSplitOptions.TrimEntries).Contains("s3");

    public int Port { get; }

    public string Endpoint => $"http://127.0.0.1:{Port}";

    /// <summary>Sets the key that the SDK finds in the environment.</summary>
    public static void UseKey(string id)
    {
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", id);
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", id);
        Environment.SetEnvironmentVariable("AWS_EC2_METADATA_DISABLED", "true");
    }

    /// <summary>Makes a bucket; for s3rver it is a folder.</summary>
    public string NewBucket()
    {
        var name = $"bucket-{Interlocked.Increment(ref buckets)}";
        Directory.CreateDirectory(FolderOf(name));
        return name;
    }

    /// <summary>Where s3rver keeps a bucket.</summary>
    public string FolderOf(string bucket) => Path.Combine(folder, bucket);

    /// <summary>Makes a bucket with what another one holds.</summary>
    public string CopyBucket(string bucket)
    {
        var copy = NewBucket();
        foreach (var file in Directory.EnumerateFiles(FolderOf(bucket), "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(FolderOf(copy), Path.GetRelativePath(FolderOf(bucket), file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return copy;
    }

    /// <summary>Writes the objects of a bucket below a prefix as plain files, as they lie on the server's disk; leases stay behind.</summary>
    public void CopyObjects(string bucket, string prefix, string target)
    {
        const string suffix = "._S3rver_object";
        var from = Path.Combine(FolderOf(bucket), prefix);
        foreach (var file in Directory.EnumerateFiles(from, "*" + suffix, SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(from, file)[..^suffix.Length];
            if (!name.StartsWith("leases", StringComparison.Ordinal))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(target, name))!);
                File.Copy(file, Path.Combine(target, name));
            }
        }
    }

    public void RemoveBucket(string bucket) => Directory.Delete(FolderOf(bucket), recursive: true);

    private static string? Script { get; } = Environment.GetEnvironmentVariable("MAINTENANCEOPS_S3RVER") is { Length: > 0 } named
        ? Scripts(named).FirstOrDefault(File.Exists)
        : Above(AppContext.BaseDirectory).Select(f => Path.Combine(f, "artifacts", "s3rver")).SelectMany(Scripts).FirstOrDefault(File.Exists);

    private static IEnumerable<string> Scripts(string place) =>
        [place, Path.Combine(place, "bin", "s3rver.js"), Path.Combine(place, "node_modules", "s3rver", "bin", "s3rver.js")];

    private static IEnumerable<string> Above(string folder)
    {
        for (var at = folder; at is not null; at = Path.GetDirectoryName(at))
        {
            yield return at;
        }
    }

    private static string? FindNode() => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator)
        .SelectMany(f => new[] { Path.Combine(f, "node"), Path.Combine(f, "node.exe") })
        .FirstOrDefault(File.Exists);

    private static void Stop(Process process, string folder)
    {
        try
        {
            process.Kill();
            process.WaitForExit(5000);
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            // It has ended, or the system clears its temporary folder.
        }
    }

    [GeneratedRegex(@"listening on .*:(\d+)")]
    private static partial Regex ListeningOn();
}
