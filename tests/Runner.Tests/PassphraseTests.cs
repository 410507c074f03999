namespace MaintenanceOps.Runner.Tests;

/// <summary>Encrypted repositories: where passphrases come from, and that they go nowhere.</summary>
public sealed class PassphraseTests : Place
{
    private const string Secret = "correct-horse-77";
    private const string Other = "battery-staple-88";

    [Fact]
    public void A_passphrase_opens_is_changed_and_never_shown()
    {
        var mops = Mops();
        mops.Environment["MAINTENANCEOPS_PASSPHRASE"] = Secret;
        mops.Environment["MAINTENANCEOPS_DEBUG"] = "1";
        var seen = new List<Run>
        {
            mops.Run("repo", "new", "--label", "ops").Expect(0),
            mops.Run("backup", "app.db", "--verbose").Expect(0),
        };
        File.WriteAllText(InFolder("other.txt"), Other + "\n");
        var added = mops.Run("repo", "key", "add", "--new-key-file", "other.txt", "--label", "second", "--json").Expect(0);
        seen.Add(added);
        var info = mops.Run("repo", "info", "--json").Expect(0);
        seen.Add(info);
        Assert.True(info.Json.Single().GetProperty("encrypted").GetBoolean());
        var first = info.Json.Single().GetProperty("keys").EnumerateArray().Single(k => k.GetProperty("label").GetString() == "ops").GetProperty("id").GetString()!;

        mops.Environment.Remove("MAINTENANCEOPS_PASSPHRASE");
        seen.Add(mops.Run("list").Expect(1));
        Assert.Contains("[PassphraseRequired]", seen[^1].Error, StringComparison.Ordinal);
        Assert.Contains("--key-file", seen[^1].Error, StringComparison.Ordinal);
        seen.Add(mops.Run("repo", "key", "remove", first, "--key-file", "other.txt").Expect(0));

        mops.Environment["MAINTENANCEOPS_PASSPHRASE"] = Secret;
        seen.Add(mops.Run("list", "--json").Expect(1));
        Assert.Equal("PassphraseWrong", seen[^1].JsonErrors[0].GetProperty("error").GetProperty("code").GetString());
        mops.Environment["MAINTENANCEOPS_PASSPHRASE_FILE"] = InFolder("other.txt");
        seen.Add(mops.Run("list").Expect(0));
        seen.Add(mops.Run("repo", "key", "remove", added.Json.Single().GetProperty("id").GetString()!).Expect(1));

        Assert.All(seen, run =>
        {
            Assert.DoesNotContain(Secret, run.Output + run.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(Other, run.Output + run.Error, StringComparison.Ordinal);
        });
        Assert.DoesNotContain(Directory.EnumerateFiles(Repository, "*", SearchOption.AllDirectories), f => File.ReadAllText(f).Contains(Secret, StringComparison.Ordinal));
    }

    [Fact]
    public void Nobody_is_asked_where_nobody_sits()
    {
        var run = Mops().Run("repo", "new", "--encrypt").Expect(1);
        Assert.Contains("[PassphraseRequired]", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Repository));
    }
}
