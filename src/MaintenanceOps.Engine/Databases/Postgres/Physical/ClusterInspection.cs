using System.Data;
using MaintenanceOps.Engine.Snapshots;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Reads every table of one database of a restored cluster, and checks each index where the server has amcheck. What is
/// wrong is told apart from what cannot be checked on this machine, such as an index whose library is not installed.
/// </summary>
/// <param name="server">A session in the database.</param>
/// <param name="reopen">Opens another one: the driver closes a session in which the server found damage.</param>
/// <param name="snapshot">What is tested.</param>
/// <param name="drill">Gets what is found.</param>
internal sealed class ClusterInspection(PostgresServer server, Func<PostgresServer> reopen, Snapshot snapshot, SnapshotProof.Drill drill) : IDisposable
{
    private const string CheckSchema = "mops_amcheck";

    /// <summary>The server sends pages as they are, and what is wrong in them may be wrong at the source.</summary>
    private const string SourceToo = "The source may have the same fault, and then a new snapshot has it too: look there with Test-Database -Level Full (mops database test --level full), mend what it names, and take a new snapshot. If the source is sound, look for an older snapshot that passes: Get-Snapshot -Verified.";
    private PostgresServer server = server;

    public void Dispose() => server.Dispose();

    public void Run(CancellationToken cancellation)
    {
        const string Tables = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind = 'r', {0} FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1";
        foreach (var (name, isTable, column) in server.Rows(Tables.Replace("{0}", RowCount.Column(server), StringComparison.Ordinal), r => (r.GetString(0), r.GetBoolean(1), r.GetString(2))))
        {
            cancellation.ThrowIfCancellationRequested();
            Try(name, "read", s => drill.Rows += isTable ? RowCount.Of(s, name, column, cancellation) : s.Scalar<long>($"SELECT pg_catalog.count(*) FROM {name}"));
        }

        if (UnloggedTables.Of(server) is { Count: > 0 } unlogged)
        {
            drill.Fail("RowsNotTaken", UnloggedTables.Words(server.Database, unlogged), snapshot, unlogged[0], FindingSeverity.Warning);
        }

        if (IndexCheck() is not { } check)
        {
            return;
        }

        const string Indexes = "SELECT c.oid::pg_catalog.int8, pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_am a ON a.oid = c.relam JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE c.relkind = 'i' AND a.amname = 'btree' AND c.relpersistence <> 't' AND i.indisvalid ORDER BY 2";
        foreach (var (oid, name) in server.Rows(Indexes, r => (r.GetInt64(0), r.GetString(1))))
        {
            cancellation.ThrowIfCancellationRequested();

            // Where its functions find nothing, the index is still looked at without its table.
            if (!Try(name, "checked", s => s.Execute($"SELECT {check}({oid}::pg_catalog.oid::pg_catalog.regclass, true)")))
            {
                Try(name, "checked", s => s.Execute($"SELECT {check}({oid}::pg_catalog.oid::pg_catalog.regclass, false)"));
            }
        }
    }

    /// <summary>
    /// Whether an error says that data is damaged: a page or an index that is wrong, or a file that is not there. Everything
    /// else, such as a missing library or too little memory, says something about the machine.
    /// </summary>
    public static bool IsDamage(PostgresException error) =>
        (error.SqlState.StartsWith("XX", StringComparison.Ordinal) || error.SqlState.StartsWith("58", StringComparison.Ordinal))
        && !error.MessageText.Contains("could not access file", StringComparison.Ordinal)
        && !error.MessageText.Contains("could not load library", StringComparison.Ordinal);

    /// <summary>The function of amcheck that checks an index, made where it is not there yet; null where the server has none of it.</summary>
    private string? IndexCheck()
    {
        if (server.Scalar<long>("SELECT pg_catalog.count(*) FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck'") == 0)
        {
            return null;
        }

        if (!ExtensionFunction.IsThere(server, "amcheck"))
        {
            server.Execute($"CREATE SCHEMA IF NOT EXISTS {CheckSchema}");
            server.Execute($"CREATE EXTENSION amcheck SCHEMA {CheckSchema}");
        }

        return ExtensionFunction.Find(server, "amcheck", "bt_index_check", "regclass,boolean");
    }

    /// <summary>Whether an error says that code names something that is not found on our search path, which has no schema of the user's.</summary>
    private static bool IsOfSearchPath(PostgresException error) =>
        error.SqlState is PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.UndefinedObject or PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName;

    /// <returns>Whether that was all; not where its code finds nothing here.</returns>
    private bool Try(string name, string verb, Action<PostgresServer> act)
    {
        try
        {
            if (server.Connection.State != ConnectionState.Open)
            {
                server.Dispose();
                server = reopen();
            }

            act(server);
            return true;
        }
        catch (PostgresException e) when (IsOfSearchPath(e))
        {
            drill.Gap($"'{name}' in '{server.Database}' could not be {verb} in full: a function of its names something without its schema, which is not found here. PostgreSQL says: {e.MessageText}. Give the function a SET search_path of its own.", snapshot);
            return false;
        }
        catch (PostgresException e) when (IsDamage(e) && verb == "checked" && SortsOtherwise())
        {
            drill.Unproven($"'{name}' in '{server.Database}' cannot be judged: this machine sorts texts in another way than the one of the backup, so its index looks wrong here. PostgreSQL says: {e.MessageText}", snapshot);
        }
        catch (PostgresException e) when (IsDamage(e))
        {
            drill.Fail(verb == "checked" ? "IndexDamaged" : "QueryFailed", $"'{name}' in '{server.Database}' cannot be {verb} after the restore: {e.MessageText}", snapshot, name, action: SourceToo);
        }
        catch (PostgresException e)
        {
            drill.Unproven($"'{name}' in '{server.Database}' cannot be {verb} on this machine: {e.MessageText}", snapshot);
        }

        return true;
    }

    /// <summary>Whether the library that sorts texts has another version here than the one that the database was made with.</summary>
    private bool SortsOtherwise()
    {
        using var asked = reopen();
        return asked.Version >= 150000 && asked.Scalar<bool>(
            "SELECT coalesce((SELECT datcollversion IS DISTINCT FROM pg_catalog.pg_database_collation_actual_version(oid) FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()), false) OR EXISTS (SELECT 1 FROM pg_catalog.pg_collation WHERE collversion IS DISTINCT FROM pg_catalog.pg_collation_actual_version(oid) AND collversion IS NOT NULL)");
    }
}
