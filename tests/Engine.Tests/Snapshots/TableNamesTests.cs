using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>What a list of items shows is what a restore of one table takes.</summary>
public sealed class TableNamesTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_name_that_is_listed_can_be_restored()
    {
        string[] names = ["plain", "two words", "quote\"d", "it's", "[x]", "a.b", "naïve", "line\nbreak", "bell\a", "back\\slash", "-r", "%s"];
        using (var connection = SqliteConnections.OpenAlone(folder["app.db"], create: true))
        {
            foreach (var (name, i) in names.Select((n, i) => (n, i)))
            {
                connection.Execute($"CREATE TABLE {SqliteConnections.Quote(name)}(a); INSERT INTO {SqliteConnections.Quote(name)} VALUES({i})");
            }
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        var shown = new SnapshotItems(repository).List(snapshot, []).Select(i => i.Path).ToList();
        Assert.Equal(names.Length, shown.Count);
        Assert.All(shown, s => Assert.DoesNotContain(s, char.IsControl));
        foreach (var (item, i) in shown.Select((s, i) => (s, i)))
        {
            var target = folder[$"out{i}.db"];
            new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, new RestoreOptions { Destination = target, Table = item });
            using var restored = SqliteConnections.OpenAlone(target);
            Assert.Single(SqliteInspection.TableNames(restored), names.Contains);
        }
    }

    [Fact]
    public void Of_several_databases_the_name_says_which()
    {
        var manifest = new Manifest
        {
            Source = "s",
            Kind = SnapshotKind.PostgresLogical,
            Created = DateTimeOffset.UnixEpoch,
            Postgres = new PostgresFacts { Databases = [Database("a", "public.t"), Database("a.public", "t"), Database("b", "public.t\nx")] },
        };
        var snapshot = new Snapshot { Id = "1", Repository = "r", Source = "s", Kind = SnapshotKind.PostgresLogical, Created = DateTimeOffset.UnixEpoch };
        Assert.Equal(("a", "public.t"), Resolve("a.public.t"));
        Assert.Equal(("b", "public.t\nx"), Resolve("b." + PathCodec.Display("public.t\nx")));
        Assert.Equal((null, "public.unknown"), Resolve("public.unknown"));

        (string?, string?) Resolve(string table)
        {
            var options = TableNames.Resolve(snapshot, manifest, new RestoreOptions { Table = table });
            return (options.Database, options.Table);
        }
    }

    private static PostgresDatabase Database(string name, string table) => new() { Name = name, Tables = [new TableCount(table, 1)] };
}
