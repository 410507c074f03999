using System.Text.RegularExpressions;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Schemas in a live database in which a part was being filled when its restore ended.</summary>
internal static partial class PartLeftovers
{
    /// <summary>Removes those of restores that were killed.</summary>
    public static void Remove(PostgresServer live, IOperationSink sink)
    {
        var names = live.Rows("SELECT nspname FROM pg_catalog.pg_namespace WHERE pg_catalog.starts_with(nspname, $1)", r => r.GetString(0), SessionName.Prefix);
        SessionName.Orphans(live, names).ForEach(name => Drop(live, sink, name));
    }

    public static void Drop(PostgresServer live, IOperationSink sink, string schema)
    {
        try
        {
            // An event trigger may refuse the statement even where there is nothing to drop.
            if (PartPlace.HasSchema(live, schema))
            {
                live.Execute($"DROP SCHEMA {PostgresServer.Quote(schema)} CASCADE");
            }
        }
        catch (NpgsqlException e)
        {
            sink.Warn($"The schema '{schema}' in {live.Describe()} was made by a restore and is not needed any more, but could not be dropped: {e.Message}. Drop it by hand.");
        }
    }

    /// <summary>Whether SQL writes a name without quotes.</summary>
    public static bool IsPlain(string name) => Plain().IsMatch(name);

    [GeneratedRegex("^[a-z_][a-z0-9_]*$")]
    private static partial Regex Plain();
}
