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
            foreach (var key in foreignKeys.Concat(keys).DistinctBy(k => (k.Table, k.Name)))
            {
                // A dump tells of a key without its comment.
                Add(key with { Comment = keys.Find(k => (k.Table, k.Name) == (key.Table, key.Name))?.Comment ?? key.Comment });
            }

            unrestored.AddRange(aside.Rebind());
            aside.RequireNothingLeft(part.Words);
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
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"What is to be replaced in '{live.Database}' is in use: a lock on it was not given within {LockTimeout}. End the transactions that use it and try again.{Prepared()} Nothing was changed.", live.Database, e);
        }
        catch (Exception e) when (e is PostgresException or MaintenanceException)
        {
            live.Execute("ROLLBACK");
            throw;
        }
    }

    /// <summary>Transactions that no session shows hold their locks too, through any restart.</summary>
    private string Prepared()
    {
        var prepared = live.Rows("SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY prepared LIMIT 5", r => r.GetString(0));
        return prepared.Count == 0 ? "" : $" There are prepared transactions ({string.Join(", ", prepared)}): connect to '{live.Database}' and end each with COMMIT PREPARED or ROLLBACK PREPARED.";
    }

    private List<ForeignKey> PlaceSchema(MovedAside aside)
    {
        var target = part.TargetSchema();
        if (!mayReplace)
        {
            PartPlace.RequireFreeSchema(live, target);
        }

        var places = LivePart.ReplacedBy(live, stage.Members, mayReplace).SelectMany(t => PlaceInParent.Of(live, t, [])).Where(p => p.Parent.Schema != target).ToList();
        if (PartPlace.HasSchema(live, target))
        {
            places.ForEach(p => p.TakeKeys(live, aside));
            aside.MoveSchema(target);
        }

        live.Execute($"ALTER SCHEMA {PostgresServer.Quote(stage.Schemas.Single().Staged)} RENAME TO {PostgresServer.Quote(target)}");
        aside.ReturnExtensions(target);
        unrestored.AddRange(stage.Statistics.Return(live, carried => carried with { Schema = target }, Try));
        places.ForEach(p => TakePlace(p, aside.Kept[p.Table]));
        EnableTriggers();
        return aside.ForeignKeys;
    }

    private List<ForeignKey> PlaceTables(MovedAside aside)
    {
        foreach (var schema in stage.Schemas.Select(s => s.Target).Distinct().Where(s => !PartPlace.HasSchema(live, s)))
        {
            live.Execute($"CREATE SCHEMA {PostgresServer.Quote(schema)}");
            Notes.Add($"Schema '{schema}' was missing and was made. Its owner and rights are those of a new one.");
        }

        var replaced = LivePart.ReplacedBy(live, stage.Members, mayReplace);
        stage.Members.Select(m => m.Target).Except(replaced).ToList().ForEach(t => PartPlace.RequireFreeTable(live, t));
        var places = replaced.SelectMany(t => PlaceInParent.Of(live, t, replaced)).ToList();
        places.ForEach(p => p.TakeKeys(live, aside));
        aside.MoveTables(replaced);
        stage.Members.ForEach(Place);
        unrestored.AddRange(stage.Statistics.Return(live, carried => carried, Try));
        places.ForEach(p => TakePlace(p, aside.Kept[p.Table]));
        EnableTriggers();
        stage.Schemas.ToList().ForEach(s => live.Execute($"DROP SCHEMA {PostgresServer.Quote(s.Staged)}"));
        return aside.ForeignKeys;
    }

    /// <summary>The parent of what was replaced serves the new rows, or else it is told.</summary>
    private void TakePlace(PlaceInParent place, TableName kept)
    {
        if (Try(place.HandOver(kept)) is { } words)
        {
            unrestored.Add(new UnrestoredObject($"{(place.IsPartition ? "PARTITION" : "INHERITANCE")} {place.Table} of {place.Parent}", $"'{place.Parent}' still has '{kept}' with the old rows: {words}", place.HandOver(kept)));
            return;
        }

        stage.ForgetLink(place.Table, place.Parent);
    }

    /// <summary>Triggers that came with the place are enabled as the parent's are, and not as they were.</summary>
    private void EnableTriggers()
    {
        foreach (var trigger in stage.Triggers.Where(t => t.IsToBeSet(live)))
        {
            if (Try(trigger.Statement) is { } words)
            {
                unrestored.Add(new UnrestoredObject($"TRIGGER {trigger.Name} of {trigger.Table}", $"It is enabled as its parent's is: {words}", trigger.Statement));
            }
        }
    }

    /// <summary>Names of indexes and sequences that the schema has already get a number.</summary>
    private void Place(PartMember member)
    {
        var staged = stage.StagedName(member);
        var schema = PostgresServer.Quote(member.Target.Schema);
        foreach (var companion in TableCompanions.Of(live, staged).Where(c => c.Kind != TableCompanion.Statistics))
        {
            var free = PartNames.Free(companion.Name, name => TableCompanions.IsTaken(live, member.Target.Schema, name));
            if (free != companion.Name)
            {
                live.Execute(companion.RenameTo(free));
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

        if (Try(key.Statement) is { } words)
        {
            unrestored.Add(new UnrestoredObject($"FOREIGN KEY {key.Name} of {key.Table}", words, key.Statement + ";"));
        }
    }

    /// <returns>What the server said; null where it worked.</returns>
    private string? Try(string statement)
    {
        live.Execute("SAVEPOINT piece");
        try
        {
            live.Execute(statement);
            live.Execute("RELEASE SAVEPOINT piece");
            return null;
        }
        catch (PostgresException e) when (e.SqlState != PostgresErrorCodes.LockNotAvailable)
        {
            live.Execute("ROLLBACK TO SAVEPOINT piece");
            return e.Detail is { } detail ? $"{e.MessageText}: {detail}" : e.MessageText;
        }
    }
}
