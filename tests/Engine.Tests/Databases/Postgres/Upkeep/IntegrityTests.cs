using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>Damage in the files of a server is found, named and told from what only could not be looked at.</summary>
[Collection(UpkeepCollection.Name)]
public sealed class IntegrityTests(UpkeepWorld world)
{
    [PostgresFact]
    public void A_database_without_damage_passes_and_one_that_is_locked_does_not()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE EXTENSION amcheck; CREATE TABLE t(id int PRIMARY KEY, body text); INSERT INTO t SELECT i, repeat('x', 3000) || i FROM generate_series(1, 1000) i");
        var quick = database.Check(VerificationLevel.Quick);
        Assert.Equal(["bt_index_check", "data_checksums"], quick.Select(r => r.Check));
        var full = database.Check(VerificationLevel.Full);
        Assert.Equal(["bt_index_check", "verify_heapam", "data_checksums"], full.Select(r => r.Check));
        Assert.All(quick.Concat(full), r => Assert.True(r.Passed, $"{r}: {string.Join(", ", r.Problems)}"));
        Assert.True(full[0].Objects > 100, full[0].ToString());

        using var holder = database.Open();
        UpkeepDatabase.Execute(holder, "BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
        var locked = database.Check(VerificationLevel.Quick, TimeSpan.FromMilliseconds(200))[0];
        Assert.False(locked.Passed);
        Assert.Contains("public.t_pkey", locked.Reason, StringComparison.Ordinal);
        Assert.Equal(0, locked.ProblemCount);
    }

    [PostgresFact]
    public void What_is_dropped_meanwhile_is_passed_over()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE EXTENSION amcheck; CREATE TABLE gone(id int PRIMARY KEY)");
        var dropped = false;
        using var upkeep = UpkeepDatabase.Open(database.Connection, () =>
        {
            if (!dropped)
            {
                dropped = true;
                database.Execute("DROP TABLE gone");
            }
        });
        Assert.All(upkeep.Check(VerificationLevel.Full, default), r => Assert.True(r.Passed, $"{r}: {string.Join(", ", r.Problems)}"));
        Assert.True(dropped);
    }

    [PostgresFact]
    public void Pages_that_rotted_are_found_in_indexes_and_tables()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE rot");
        var database = new UpkeepDatabase(cluster, "rot");
        database.Execute("""
            CREATE EXTENSION amcheck;
            CREATE TABLE rotten(id int, body text); CREATE TABLE lost(id int); CREATE TABLE sound(id int PRIMARY KEY);
            INSERT INTO rotten SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i; INSERT INTO sound SELECT generate_series(1, 1000);
            INSERT INTO lost SELECT generate_series(1, 5000);
            CREATE INDEX rotten_id ON rotten(id); CREATE INDEX lost_id ON lost(id);
            """);
        database.Execute("VACUUM FREEZE ANALYZE");
        database.Execute("CHECKPOINT");
        var (heap, index, keyless) = (File("rotten"), File("rotten_id"), File("lost"));
        cluster.Stop();
        var whole = System.IO.File.ReadAllBytes(keyless);
        Rot(heap, (3 * 8192) + 5000);
        Rot(index, (2 * 8192) + 4000);
        cluster.Start();
        var quick = database.Check(VerificationLevel.Quick);
        Assert.Contains("public.rotten_id", Assert.Single(quick[0].Problems), StringComparison.Ordinal);
        Assert.True(quick[0] is { Passed: false, Reason: "", ProblemCount: 1 });
        var full = database.Check(VerificationLevel.Full);
        Assert.Contains("public.rotten:", Assert.Single(full[1].Problems), StringComparison.Ordinal);
        Assert.Contains("rot: ", Assert.Single(full[2].Problems), StringComparison.Ordinal);

        // Nonsense under a right checksum: rows that the table lost and its index still has, and a pointer into nowhere.
        cluster.Stop();
        whole[(8192 * 1) + 24] ^= 0x7f;
        System.IO.File.WriteAllBytes(keyless, whole);
        Truncate(keyless, whole.Length - 8192);
        PostgresCluster.Program("pg_checksums", "--disable", "--pgdata", cluster.Data);
        cluster.Start();
        var without = database.Check(VerificationLevel.Full);
        Assert.Equal(["bt_index_check", "verify_heapam"], without.Select(r => r.Check));
        Assert.Contains(without[1].Problems, p => p.StartsWith("public.lost: block 1, row 1", StringComparison.Ordinal));

        string File(string relation) => Path.Combine(cluster.Data, database.Query<string>($"SELECT pg_relation_filepath('{relation}')"));

        static void Rot(string file, long position)
        {
            using var handle = System.IO.File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.Write(handle, "rot"u8, position);
        }

        static void Truncate(string file, long length)
        {
            using var stream = System.IO.File.OpenWrite(file);
            stream.SetLength(length);
        }
    }

    [PostgresFact]
    public void A_row_that_an_index_lacks_is_found_by_the_full_check_alone()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE EXTENSION amcheck; CREATE TABLE t(id int);
            CREATE FUNCTION fickle(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i';
            CREATE INDEX t_fickle ON t(fickle(id)); INSERT INTO t SELECT generate_series(1, 1000);
            CREATE OR REPLACE FUNCTION fickle(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 100000';
            """);
        Assert.True(database.Check(VerificationLevel.Quick)[0].Passed);
        var full = database.Check(VerificationLevel.Full)[0];
        Assert.Contains("public.t_fickle", Assert.Single(full.Problems), StringComparison.Ordinal);
    }

    [PostgresFact]
    public void A_check_that_is_cancelled_ends()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE EXTENSION amcheck");
        using var stop = new CancellationTokenSource();
        using var upkeep = UpkeepDatabase.Open(database.Connection, stop.Cancel);
        Assert.ThrowsAny<OperationCanceledException>(() => upkeep.Check(VerificationLevel.Full, stop.Token).ToList());
    }
}
