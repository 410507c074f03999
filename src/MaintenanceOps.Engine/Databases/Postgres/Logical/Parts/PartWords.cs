using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Tells of an object by the place where it ends, and not by the one where it was or where it was made.</summary>
internal static class PartWords
{
    /// <summary>An object of a schema in which the part was filled.</summary>
    public static UnrestoredObject Rename(UnrestoredObject unrestored, PartStage stage)
    {
        foreach (var (staged, target) in stage.Schemas)
        {
            unrestored = Change(unrestored, text => text
                .Replace(PostgresServer.Quote(staged), PostgresServer.Quote(target), StringComparison.Ordinal)
                .Replace(staged, Spell(target), StringComparison.Ordinal));
        }

        return unrestored;
    }

    /// <summary>An object of a table that gets another name.</summary>
    public static UnrestoredObject Rename(UnrestoredObject unrestored, IEnumerable<PartMember> members)
    {
        foreach (var member in members.Where(m => m.Was != m.Target).OrderByDescending(m => m.Was.Name.Length))
        {
            unrestored = Change(unrestored, text => Regex.Replace(text, $"{Regex.Escape($"{Spell(member.Was.Schema)}.{Spell(member.Was.Name)}")}(?![\\w\"])", _ => $"{Spell(member.Target.Schema)}.{Spell(member.Target.Name)}"));
        }

        return unrestored;
    }

    private static UnrestoredObject Change(UnrestoredObject unrestored, Func<string, string> change) =>
        new(change(unrestored.Name), change(unrestored.Error), change(unrestored.Statement));

    private static string Spell(string name) => PartLeftovers.IsPlain(name) ? name : PostgresServer.Quote(name);
}
