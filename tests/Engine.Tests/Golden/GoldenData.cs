using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>
/// The repositories that are kept in this folder, and what they restore to. They were made once by
/// <see cref="GoldenMaker"/> and are never made again: today's engine has to open what yesterday's wrote.
/// </summary>
internal static class GoldenData
{
    /// <summary>The passphrases of <c>encrypted</c>. They protect nothing but this test data.</summary>
    public const string FirstPassphrase = "correct horse battery staple";

    /// <summary>The second key's passphrase; not ASCII, so that its encoding is pinned down too.</summary>
    public const string SecondPassphrase = "zweites Kennwort: größer";

    public const string Plain = "plain";
    public const string Encrypted = "encrypted";

    /// <summary>An encrypted repository with PostgreSQL's log and nothing else.</summary>
    public const string EncryptedLog = "encrypted-log";

    /// <summary>One snapshot of a golden repository with what was recorded when it was made.</summary>
    public sealed record Expected(string Name, string Id, string[] Lines)
    {
        public bool IsTree => Name.StartsWith("files", StringComparison.Ordinal);
    }

    /// <summary>The repository's folder in the source tree. Tests never write there; they work on a copy.</summary>
    public static string FolderOf(string repository) => Path.Combine(SourceFolder(), repository);

    public static string RescueProgram => Path.Combine(Root(), "rescue.cs");

    public static string FormatPage => Path.Combine(Root(), "docs", "repository-format.md");

    public static string? PassphraseText(string repository) => repository == Plain ? null : FirstPassphrase;

    public static Passphrase? PassphraseOf(string repository) =>
        PassphraseText(repository) is { } text ? Passphrase.FromText(text) : null;

    /// <summary>A copy that may be opened, which writes leases, and damaged.</summary>
    public static string Copy(string repository, string into)
    {
        var from = FolderOf(repository);
        var to = Path.Combine(into, repository);
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return to;
    }

    /// <summary>What <c>expected.txt</c> beside the repositories records of one of them.</summary>
    public static IReadOnlyList<Expected> ExpectedOf(string repository)
    {
        var snapshots = new List<Expected>();
        List<string>? lines = null;
        foreach (var line in File.ReadAllLines(Path.Combine(SourceFolder(), "expected.txt")))
        {
            if (line.StartsWith("# ", StringComparison.Ordinal) || line.Length == 0)
            {
                continue;
            }

            if (!line.StartsWith("  ", StringComparison.Ordinal))
            {
                var words = line.Split(' ');
                lines = words[0] == repository ? [] : null;
                if (lines is not null)
                {
                    snapshots.Add(new Expected(words[1], words[2], []));
                }
            }
            else if (lines is not null)
            {
                lines.Add(line[2..]);
                snapshots[^1] = snapshots[^1] with { Lines = [.. lines] };
            }
        }

        return snapshots;
    }

    /// <summary>Describes what lies at a path, one line an entry: what a restore must bring back.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="names">Whether names that are no UTF-8 can be had on this platform; else they are left out.</param>
    public static string[] Describe(string path, bool names = true)
    {
        var lines = new List<string>();
        var files = new Dictionary<ulong, string>();
        Walk("");
        return [.. lines];

        void Walk(string below)
        {
            var access = TreeAccess.Current;
            var absolute = below.Length == 0 ? path : TreeAccess.Join(path, below);
            var facts = access.Facts(absolute) ?? throw new FileNotFoundException(absolute);
            var shown = Escape(below);
            switch (facts.Kind)
            {
                case EntryKind.Folder:
                    lines.Add($"D {Mode(facts)} {Time(facts)} {shown}");
                    foreach (var name in access.Names(absolute).Where(n => names || !n.Any(char.IsSurrogate)).Order(TreeOrder.Instance))
                    {
                        Walk(below.Length == 0 ? name : $"{below}/{name}");
                    }

                    break;
                case EntryKind.Link:
                    lines.Add($"L {shown} -> {Escape(access.ReadLink(absolute))}");
                    break;
                case EntryKind.File when facts.Links > 1 && !files.TryAdd(facts.Inode, below):
                    lines.Add($"H {shown} = {files[facts.Inode]}");
                    break;
                default:
                    lines.Add(below.Length == 0 ? Sum(absolute) : $"F {Mode(facts)} {Time(facts)} {facts.Size} {Sum(absolute)} {shown}");
                    break;
            }
        }

        static string Mode(FileFacts facts) => facts.Mode < 0 ? "-" : Convert.ToString(facts.Mode, 8);

        // To the tenth of a microsecond, which is what a DateTime holds.
        static string Time(FileFacts facts) => (facts.Modified.Count / 100).ToString(CultureInfo.InvariantCulture);
    }

    public static string Escape(string path)
    {
        var text = new StringBuilder();
        foreach (var b in PathCodec.Encode(path))
        {
            text.Append(b is > 32 and < 127 ? ((char)b).ToString() : $"%{b:x2}");
        }

        return text.ToString();
    }

    private static string Sum(string path)
    {
        using var stream = new FileStream(TreeAccess.Current.OpenRead(path), FileAccess.Read);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "MaintenanceOps.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("The tests do not run below the source tree.");
    }

    private static string SourceFolder() => Path.Combine(Root(), "tests", "Engine.Tests", "Golden");
}
