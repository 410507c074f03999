using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Puts a filled part into its place in one transaction: what is there moves aside, the part moves in, foreign keys follow.</summary>
internal sealed class PartInstall(PostgresServer live, PartName part, PartStage stage, bool mayReplace)
{
    /// <summary>For how long other sessions wait behind us while we wait for a lock on what is replaced.</summary>
    private const string LockTimeout = "20s";

    private readonly List<UnrestoredObject> unrestored = [];

    /// <summary>What the user should know.</summary>
    public List<string> Notes { get; } = [];

    /// <param name="foreignKeys">Those of the snapshot that belong to the part.</param>
    /// <param name="strict">Whether a foreign key that cannot be made undoes everything.</param>
    /// <returns>What could not be made.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>, <see cref="ErrorCode.RestoreIncomplete"/>; nothing was changed then.</exception>
    public List<UnrestoredObject> Run(List<ForeignKey> foreignKeys, bool strict)
    {
        try
        {
            live.Execute("BEGIN");
            live.Execute($"SET LOCAL lock_timeout = '{LockTimeout}'");
            var aside = new MovedAside(live);
            var keys = part.Schema is null ? PlaceTables(aside) : PlaceSchema(aside);
            keys.InsertRange(0, foreignKeys);
            foreach (var key in keys.DistinctBy(k => (k.Table, k.Name)))
            {
                Add(key);
            }

            unrestored.AddRange(aside.RepointViews());
            Notes.AddRange(aside.Notes);
            if (strict && unrestored.Count > 0)
            {
                throw new MaintenanceException(ErrorCode.RestoreIncomplete, $"{unrestored.Count} objects could not be restored, and -Strict asks for all or nothing, so nothing was changed: {string.Join("; ", unrestored.Take(5))}.", unrestored[0].Name);
            }

            live.Execute("COMMIT");
            return unrestored;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            live.Execute("ROLLBACK");
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"What is to be replaced in '{live.Database}' is in use: a lock on it was not given within {LockTimeout}. End the transactions that use it and try again. Nothing was changed.", live.Database, e);
        }
        catch (Exception e) when (e is PostgresException or MaintenanceException)
        {
            live.Execute("ROLLBACK");
            throw;
        }
    }

    private List<ForeignKey> PlaceSchema(MovedAside aside)
    {
        var target = part.TargetSchema();
        if (!mayReplace)
        {
            PartPlace.RequireFreeSchema(live, target);
        }
        else if (PartPlace.HasSchema(live, target))
        {
            aside.MoveSchema(target);
        }

        live.Execute($"ALTER SCHEMA {PostgresServer.Quote(stage.Schemas.Single().Staged)} RENAME TO {PostgresServer.Quote(target)}");
        return aside.ForeignKeys;
    }

    private List<ForeignKey> PlaceTables(MovedAside aside)
    {
        foreach (var schema in stage.Schemas.Select(s => s.Target).Distinct().Where(s => !PartPlace.HasSchema(live, s)))
        {
            live.Execute($"CREATE SCHEMA {PostgresServer.Quote(schema)}");
            Notes.Add($"Schema '{schema}' was missing and was made. Its owner and rights are those of a new one.");
        }

        foreach (var member in stage.Members)
        {
            if (PartPlace.KindOf(live, member.Target) is "r" or "p" && mayReplace)
            {
                aside.MoveTable(member.Target);
            }
            else
            {
                PartPlace.RequireFreeTable(live, member.Target);
            }
        }

        stage.Members.ForEach(Place);
        stage.Schemas.ToList().ForEach(s => live.Execute($"DROP SCHEMA {PostgresServer.Quote(s.Staged)}"));
        return aside.ForeignKeys;
    }

    /// <summary>Names of indexes and sequences that the schema has already get a number.</summary>
    private void Place(PartMember member)
    {
        var staged = stage.StagedName(member);
        var schema = PostgresServer.Quote(member.Target.Schema);
        foreach (var companion in TableCompanions.Of(live, staged))
        {
            var free = PartNames.Free(companion.Name, name => TableCompanions.IsTaken(live, member.Target.Schema, name));
            if (free != companion.Name)
            {
                live.Execute(companion.RenameTo(free));
            }

            if (companion.Kind == "STATISTICS")
            {
                live.Execute($"ALTER STATISTICS {PostgresServer.Quote(companion.Schema)}.{PostgresServer.Quote(free)} SET SCHEMA {schema}");
            }
        }

        live.Execute($"ALTER TABLE {staged.Quoted} SET SCHEMA {schema}");
    }

    /// <summary>Adds one unless it is there; one that does not hold is told, and costs nothing else.</summary>
    private void Add(ForeignKey key)
    {
        if (PartPlace.KindOf(live, key.Table) is null || live.Scalar<bool>("SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass($1) AND conname = $2)", key.Table.Quoted, key.Name))
        {
            return;
        }

        live.Execute("SAVEPOINT piece");
        try
        {
            live.Execute(key.Statement);
            live.Execute("RELEASE SAVEPOINT piece");
        }
        catch (PostgresException e) when (e.SqlState != PostgresErrorCodes.LockNotAvailable)
        {
            live.Execute("ROLLBACK TO SAVEPOINT piece");
            unrestored.Add(new UnrestoredObject($"FOREIGN KEY {key.Name} of {key.Table}", e.Detail is { } detail ? $"{e.MessageText}: {detail}" : e.MessageText, key.Statement + ";"));
        }
    }
}
