using System.Globalization;
using MaintenanceOps.Engine.Tests.Support;

namespace MaintenanceOps.Benchmarks;

/// <summary>A pgbench database: dumped and taken as a base backup, against the server's own tools.</summary>
internal sealed class PostgresBenchmark(Options options, string mops, ResultTable table)
{
    private readonly string ours = Path.Combine(options.Work, "mops-pg");

    public void Run()
    {
        if (PostgresCluster.Programs is not { } programs)
        {
            Console.WriteLine("PostgreSQL's server programs are not installed: left out.");
            return;
        }

        // pgbench makes about 15 MB of tables and indexes for each unit of its scale.
        using var cluster = new PostgresCluster("max_wal_size = '4GB'", "shared_buffers = '256MB'");
        PostgresCluster.Program("pgbench", "--initialize", "--quiet", "--scale", ((options.Size * 2 / 15) + 1).ToString(CultureInfo.InvariantCulture), "--host", cluster.Folder, "--username", "postgres", "postgres");
        cluster.Execute("CHECKPOINT");
        Logical(cluster, programs, "postgres", "pgbench");
        Physical(cluster, programs);
        Log(cluster);

        // Most of pgbench's rows are blanks, which gzip takes in its stride; few applications store blanks.
        cluster.Execute("CREATE DATABASE texts");
        cluster.Execute($"CREATE TABLE texts AS SELECT i AS id, now() - i * interval '1 second' AS taken, (SELECT string_agg(md5((i * j)::text), ' ') FROM generate_series(1, 10) j) AS body FROM generate_series(1, {options.Size * 1200}) i", "texts");
        cluster.Execute("CHECKPOINT");
        Logical(cluster, programs, "texts", "text");
        SideBySide(cluster, programs, "texts");
    }

    private string[] Ours(params string[] words) => [mops, .. words, "--repository", ours, "--quiet"];

    private void Logical(PostgresCluster cluster, string programs, string database, string content)
    {
        List<Cost> mine = [], unverified = [], theirs = [];
        var dump = Path.Combine(options.Work, "pg.dump");
        for (var round = 0; round < options.Rounds; round++)
        {
            Fresh();
            mine.Add(Tool.Run(Ours("backup", "-c", cluster.ConnectionTo(database), "--source", "pg/db")));
            Fresh();
            unverified.Add(Tool.Run(Ours("backup", "-c", cluster.ConnectionTo(database), "--source", "pg/db", "--skip-verify")));
            theirs.Add(Tool.Run(Path.Combine(programs, "pg_dump"), "-Fc", "-h", cluster.Folder, "-U", "postgres", "-f", dump, database));
        }

        table.Time($"PostgreSQL, logical, {content}, verified", "`pg_dump -Fc`", mine, theirs, 1.1);
        table.Time($"PostgreSQL, logical, {content}, not verified", "`pg_dump -Fc`", unverified, theirs, 1.1);
        table.Size($"PostgreSQL, logical, {content}, stored", "`pg_dump -Fc`", Tool.SizeOf(ours), Tool.SizeOf(dump), 1.2);
        Tool.Remove(dump);
    }

    /// <summary>Two programs at once, dumping and playing back, against PostgreSQL's own way with a folder of files.</summary>
    private void SideBySide(PostgresCluster cluster, string programs, string database)
    {
        cluster.Execute("CREATE TABLE more AS SELECT * FROM texts; CREATE INDEX ON texts(id); CREATE INDEX ON more(taken)", database);
        List<Cost> mine = [], theirs = [], back = [], theirsBack = [];
        var folder = Path.Combine(options.Work, "pg.folder");
        string[] server = ["-h", cluster.Folder, "-U", "postgres"];
        for (var round = 0; round < options.Rounds; round++)
        {
            Fresh();
            mine.Add(Tool.Run(Ours("backup", "-c", cluster.ConnectionTo(database), "--source", "pg/db", "--parallel", "2")));
            back.Add(Tool.Run(Ours("restore", "latest", "-c", cluster.ConnectionTo(database), "--as", "ours", "--parallel", "2")));
            Tool.Remove(folder);
            theirs.Add(Tool.Run([Path.Combine(programs, "pg_dump"), "-Fd", "-j", "2", .. server, "-f", folder, database]));
            cluster.Execute("CREATE DATABASE theirs");
            theirsBack.Add(Tool.Run([Path.Combine(programs, "pg_restore"), "-j", "2", .. server, "-d", "theirs", folder]));
            cluster.Execute("DROP DATABASE ours");
            cluster.Execute("DROP DATABASE theirs");
        }

        table.Time("PostgreSQL, logical, text, two at once, verified", "`pg_dump -Fd -j2`", mine, theirs, 1.1);
        table.Time("PostgreSQL, logical, text, two at once, restored and counted", "`pg_restore -j2`", back, theirsBack, 1.1);
        Tool.Remove(folder);
    }

    private void Physical(PostgresCluster cluster, string programs)
    {
        List<Cost> mine = [], theirs = [];
        long first = 0, second = 0;
        var archive = Path.Combine(options.Work, "pg.tar.zst");
        for (var round = 0; round < options.Rounds; round++)
        {
            Fresh();
            mine.Add(Tool.Run(Ours("backup", "-c", cluster.ConnectionString, "--method", "physical", "--source", "pg/main")));
            first = Tool.SizeOf(ours);
            theirs.Add(Tool.Shell($"{programs}/pg_basebackup -h {cluster.Folder} -U postgres -D - -Ft -X fetch -c fast | zstd -q -3 -T2 -f -o {archive}"));
        }

        Tool.Run(Ours("backup", "-c", cluster.ConnectionString, "--method", "physical", "--source", "pg/main"));
        second = Tool.SizeOf(ours) - first;
        table.Time("PostgreSQL, physical", "`pg_basebackup` + `zstd -3 -T2`", mine, theirs, 1.1);
        table.Size("PostgreSQL, physical, stored", "`pg_basebackup` + `zstd -3 -T2`", first, Tool.SizeOf(archive), 1.2);
        table.Size("PostgreSQL, physical, second one of an unchanged cluster", "the first one", second, first, 0.02);
        table.Limit("PostgreSQL, physical, memory", ResultTable.Median(mine, c => c.PeakMiB), "MiB", 200);
        Tool.Remove(archive);
    }

    private void Log(PostgresCluster cluster)
    {
        Fresh();
        var segments = Directory.EnumerateFiles(Path.Combine(cluster.Data, "pg_wal"), "0*").Where(f => Path.GetFileName(f).Length == 24).Order().Take(5).ToList();
        var pushes = segments.ConvertAll(s => Tool.Run(Ours("wal-push", s)));
        table.Limit("wal-push of a segment, start included", ResultTable.Median(pushes, c => c.Seconds) * 1000, "ms", 100);
    }

    private void Fresh()
    {
        Tool.Remove(ours);
        Tool.Run(mops, "repo", "new", ours);
    }
}
