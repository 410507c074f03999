using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Checks;

/// <summary>Asks the server whether its own files make sense: by amcheck, and by the checksums of pages that it read.</summary>
internal sealed class PostgresIntegrity(UpkeepSession session, IOperationSink sink)
{
    private const string Extension = "amcheck";

    private const string IndexSql = """
        SELECT c.oid, format('%I.%I', n.nspname, c.relname)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'i' AND m.amname = 'btree' AND i.indisvalid AND i.indisready AND c.relpersistence <> 't'
          AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery())
        ORDER BY c.relpages
        """;

    private const string TableSql = """
        SELECT c.oid, format('%I.%I', n.nspname, c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am m ON m.oid = c.relam
        WHERE c.relkind IN ('r', 'm', 't') AND m.amname = 'heap' AND c.relpersistence <> 't' AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery())
        ORDER BY c.relpages
        """;

    private const string ChecksumSql = """
        SELECT coalesce(datname::text, 'objects shared by all databases'), checksum_failures, coalesce(to_char(checksum_last_failure AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '')
        FROM pg_stat_database WHERE (datname = current_database() OR datid = 0) AND checksum_failures IS NOT NULL
        """;

    private static readonly int HeapSince = 140000;

    public IEnumerable<IntegrityResult> Run(VerificationLevel level, CancellationToken cancellation)
    {
        session.ForWork();
        var full = level >= VerificationLevel.Full;
        yield return BTrees(full, cancellation);
        if (full)
        {
            yield return Heaps(cancellation);
        }

        // Behind the others: what they read, the server has compared with its checksums.
        if (Checksums(cancellation) is { } checksums)
        {
            yield return checksums;
        }
    }

    /// <summary>Order within and between the pages of each index; in full also whether every row of the table is in it.</summary>
    private IntegrityResult BTrees(bool full, CancellationToken cancellation)
    {
        var check = new IntegrityCheck(session, "bt_index_check");
        if (Function(check, "regclass,boolean", cancellation) is { } function)
        {
            OverAll(check, IndexSql, (id, _) => session.Rows($"SELECT {function}($1::oid::regclass, $2::boolean)", _ => "", cancellation, (long)id, full).Take(0), cancellation);
        }

        return check.Result();
    }

    private IntegrityResult Heaps(CancellationToken cancellation)
    {
        var check = new IntegrityCheck(session, "verify_heapam");
        if (session.Server.Version < HeapSince)
        {
            check.CannotBeMade("PostgreSQL has verify_heapam from version 14 on.");
            return check.Result();
        }

        if (Function(check, "regclass,boolean,boolean,text,bigint,bigint", cancellation) is { } function)
        {
            OverAll(
                check, TableSql,
                (id, _) => session.Rows(
                    $"SELECT blkno, offnum, attnum, msg FROM {function}($1::oid::regclass, false, true, 'none'::text, NULL::bigint, NULL::bigint)",
                    r => $"block {Number(r, 0)}, row {Number(r, 1)}{(r.IsDBNull(2) ? "" : $", column {Number(r, 2)}")}: {r.GetString(3)}",
                    cancellation,
                    (long)id),
                cancellation);
        }

        return check.Result();
    }

    /// <summary>Null where the cluster has no checksums: a setting, and not a fault of the content.</summary>
    private IntegrityResult? Checksums(CancellationToken cancellation)
    {
        var check = new IntegrityCheck(session, "data_checksums");
        var counters = Ask(ChecksumSql, r => (Name: r.GetString(0), Failures: r.GetInt64(1), Last: r.GetString(2)), cancellation);
        if (counters.Count == 0)
        {
            sink.Inform($"{session.Server.Describe()} has no data checksums: a page that rots is seen only where amcheck looks.");
            return null;
        }

        foreach (var counter in counters.Where(c => c.Failures > 0))
        {
            check.Add($"{counter.Name}: {counter.Failures} pages did not match their checksum, the last at {counter.Last} UTC");
        }

        return check.Result() with { Objects = null };
    }

    private void OverAll(IntegrityCheck check, string sql, Func<uint, string, IEnumerable<string>> look, CancellationToken cancellation)
    {
        var all = Ask(sql, r => (Id: r.GetFieldValue<uint>(0), Name: r.GetString(1)), cancellation);
        for (var i = 0; i < all.Count && !check.IsOver; i++)
        {
            sink.Progress($"Checking {session.Server.Describe()}", i, all.Count, "objects");
            check.Look(all[i].Id, all[i].Name, () => look(all[i].Id, all[i].Name));
        }
    }

    /// <summary>The check's function as SQL writes it; null where it cannot be called, and the check says why.</summary>
    private string? Function(IntegrityCheck check, string types, CancellationToken cancellation)
    {
        try
        {
            if (session.Ask(s => ExtensionFunction.Find(s, Extension, check.Name, types), cancellation) is { } function)
            {
                return function;
            }

            check.CannotBeMade(session.Ask(s => ExtensionFunction.IsThere(s, Extension), cancellation)
                ? $"The installed version of {Extension} has no {check.Name} that fits: ALTER EXTENSION {Extension} UPDATE."
                : $"The extension {Extension} is not in the database {session.Server.Database}. A superuser installs it: CREATE EXTENSION {Extension};");
            return null;
        }
        catch (NpgsqlException e)
        {
            throw session.Server.Wrap(e);
        }
    }

    /// <exception cref="MaintenanceException">The server reports something.</exception>
    private List<T> Ask<T>(string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellation)
    {
        try
        {
            return session.Rows(sql, read, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw session.Server.Wrap(e);
        }
    }

    private static string Number(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? "?" : Convert.ToString(row.GetValue(column), System.Globalization.CultureInfo.InvariantCulture)!;
}
