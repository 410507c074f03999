using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Names of what belongs to a table that gets another name.</summary>
internal static class PartNames
{
    /// <summary>The name of a companion of a table, such as an index or a partition, after the table's own has changed.</summary>
    public static string Follow(string companion, string old, string renamed)
    {
        if (old == renamed)
        {
            return companion;
        }

        var rest = companion.StartsWith(old, StringComparison.Ordinal) ? companion[old.Length..] : "_" + companion;
        rest = PostgresServer.Shorten(rest, KeptName.Longest / 2 + 1);
        return PostgresServer.Shorten(renamed, KeptName.Longest - Encoding.UTF8.GetByteCount(rest)) + rest;
    }

    /// <summary>A name that is not taken: the wanted one, or with a number behind it.</summary>
    public static string Free(string wanted, Func<string, bool> isTaken) => isTaken(wanted) ? KeptName.Of(wanted, "_1", isTaken) : wanted;
}
