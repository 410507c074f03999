using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>What may stand in a configuration, and how the files come to the disk.</summary>
public sealed class ProxyConfigTests : IDisposable
{
    private readonly TestFolder folder = new();

    public static TheoryData<ProxyKind> Kinds => [.. Enum.GetValues<ProxyKind>()];

    public static TheoryData<string> MeaningMore => new("\"", "'", ";", "{", "}", "$x", "\n", "\r", "\t", "\0", "\\", "#", "%", "*", "?", "[", "]", "<", ">", "|", "&", "!", "`", "^", "\u00a0", "\u2028", "\u202e");

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(MeaningMore))]
    public void A_path_that_means_more_than_itself_is_refused(string text)
    {
        foreach (var kind in Enum.GetValues<ProxyKind>())
        {
            Refused(Options(kind) with { FlagPath = $"/run/a{text}b" });
            Refused(Options(kind) with { PagePath = $"/run/a{text}b.html" });
            Refused(Options(kind) with { OutputPath = folder[$"a{text}b"] });
            Refused(Options(kind) with { ExemptPath = [$"/a{text}b"] });
            Refused(Options(kind) with { BypassAddress = [$"10.0.0.1{text}"] });
            Refused(Options(kind) with { Name = $"a{text}b" });
        }

        Refused(Options(ProxyKind.Traefik) with { Upstream = $"http://gate{text}:80/" });
        Refused(Options(ProxyKind.Traefik) with { Upstream = $"http://gate:80/{text}" });
    }

    [Theory]
    [InlineData("run/flag")]
    [InlineData("./flag")]
    [InlineData("~/flag")]
    [InlineData("")]
    [InlineData("/run/folder/")]
    public void The_flag_is_an_absolute_path_of_a_file(string path) => Refused(Options() with { FlagPath = path });

    [Theory]
    [InlineData("health")]
    [InlineData("")]
    [InlineData("/a b")]
    [InlineData("/a\" 1; } #")]
    [InlineData("/*/a")]
    [InlineData("/a//b")]
    [InlineData("/a/../b")]
    [InlineData("/health\n")]
    public void A_path_that_could_never_be_met_is_no_exception(string path) => Refused(Options() with { ExemptPath = [path] });

    [Theory]
    [InlineData("0.0.0.0/0")]
    [InlineData("::/0")]
    [InlineData("10.1")]
    [InlineData("010.0.0.1")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/ 8")]
    [InlineData("10.0.0.0/8/8")]
    [InlineData("fe80::1%eth0")]
    [InlineData("example.org")]
    [InlineData("1 1; }")]
    public void What_is_no_network_lets_nobody_in(string address) => Refused(Options() with { BypassAddress = [address] });

    [Theory]
    [InlineData("10.1.2.3", "10.1.2.3/32")]
    [InlineData("10.1.2.3/8", "10.0.0.0/8")]
    [InlineData("2001:DB8::1/32", "2001:db8::/32")]
    [InlineData("::1", "::1/128")]
    public void A_network_is_written_as_all_web_servers_read_it(string given, string written)
    {
        var snippet = ProxyConfig.Plan(Options() with { BypassAddress = [given] }).Single(f => f.Path.EndsWith("-http.conf", StringComparison.Ordinal));
        Assert.Contains($"    {written} 1;\n", snippet.Content, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://gate:9503")]
    [InlineData("http://user@gate:9503")]
    [InlineData("http://gate:9503/path")]
    [InlineData("http://gate:9503/?a")]
    [InlineData("gate:9503")]
    [InlineData("http://ga te")]
    [InlineData("http://")]
    public void A_gate_is_a_host_and_a_port(string upstream) => Refused(Options(ProxyKind.Traefik) with { Upstream = upstream });

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        Refused(Options() with { Upstream = "http://127.0.0.1:9503" });
        Refused(Options() with { RetryAfter = TimeSpan.Zero });
        Refused(Options() with { RetryAfter = TimeSpan.FromDays(8) });
        Refused(Options() with { PagePath = "/srv/page" });
        Refused(Options() with { Name = "Notes" });
        Refused(Options() with { Kind = (ProxyKind)99 });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Each_file_says_what_it_is_where_it_goes_and_how_to_try_it(ProxyKind kind) => Assert.All(
        ProxyConfig.Plan(Options(kind)).Where(f => !f.Yours),
        file =>
        {
            var head = file.Content[..Math.Min(900, file.Content.Length)];
            Assert.Matches(@"^\s*(#|--) ", head);
            Assert.Contains("app-maintenance", head, StringComparison.Ordinal);
            Assert.True(head.Contains("Try it with", StringComparison.Ordinal) || head.Contains("Loaded by", StringComparison.Ordinal), head);
        });

    [Fact]
    public void The_page_says_what_it_was_told_and_needs_nothing_from_elsewhere()
    {
        var page = ProxyConfig.Plan(Options() with { Title = "<script>alert(1)</script>", Message = "Back & \"better\"", RetryAfter = TimeSpan.FromHours(2) })[0].Content;
        Assert.Contains("<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>", page, StringComparison.Ordinal);
        Assert.Contains("Back &amp; &quot;better&quot;", page, StringComparison.Ordinal);
        Assert.Contains("in about 2 hours", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
        Assert.Contains("<html lang=\"en\">", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("<script|src=|href=|url\\(|@import|https?:", page);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_there_stays_unless_it_is_to_be_replaced(ProxyKind kind)
    {
        var options = Options(kind);
        var files = ProxyConfig.Plan(options);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
        foreach (var file in files)
        {
            ProxyConfig.Write(file);
            Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => ProxyConfig.Write(file)).Code);
        }

        Assert.Equal(files.Select(f => f.Path).Order(), Directory.EnumerateFiles(folder["new"]).Order());
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode ReadableByAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
#pragma warning disable CA1416 // The condition is outside of the lambda.
            Assert.All(files, f => Assert.Equal(ReadableByAll, File.GetUnixFileMode(f.Path)));
#pragma warning restore CA1416
        }

        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => ProxyConfig.Plan(options)).Code);
        Assert.Equal(files, ProxyConfig.Plan(options, replace: true));
        ProxyConfig.Write(files[0] with { Content = "new" }, replace: true);
        Assert.Equal("new", File.ReadAllText(files[0].Path));
    }

    [Fact]
    public void A_page_of_the_users_own_stays()
    {
        var page = folder["page.html"];
        File.WriteAllText(page, "mine");
        var options = Options() with { PagePath = page };
        Assert.DoesNotContain(ProxyConfig.Plan(options), f => f.Path == page);
        Assert.Contains(ProxyConfig.Plan(options), f => f.Path == folder["page.json"]);
        Assert.Contains(ProxyConfig.Plan(options, replace: true), f => f.Path == page);
    }

    [Fact]
    public void A_folder_in_the_way_is_told_of()
    {
        var file = ProxyConfig.Plan(Options())[0];
        File.WriteAllText(folder["new"], "a file");
        Assert.Equal(ErrorCode.InputOutput, Assert.Throws<MaintenanceException>(() => ProxyConfig.Write(file)).Code);
        File.Delete(folder["new"]);
        Directory.CreateDirectory(file.Path);
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => ProxyConfig.Plan(Options(), replace: true)).Code);
    }

    private static void Refused(ProxyConfigOptions options) =>
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => ProxyConfig.Plan(options)).Code);

    private ProxyConfigOptions Options(ProxyKind kind = ProxyKind.Nginx) => new() { Kind = kind, FlagPath = "/run/app/maintenance.flag", OutputPath = folder["new"] };
}
