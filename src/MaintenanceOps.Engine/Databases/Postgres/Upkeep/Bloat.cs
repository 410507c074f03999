using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>How much of a table or index is air: estimated, and measured where the extension pgstattuple is there.</summary>
internal sealed record Bloat(uint Id, string Name, long Size, double Fill, long? Gain)
{
    private const string Extension = "pgstattuple";

    /// <summary>The index's table as SQL writes it; empty for a table.</summary>
    public string Owner { get; init; } = "";

    /// <summary>The index's kind, such as <c>btree</c>; empty for a table.</summary>
    public string Method { get; init; } = "";

    /// <summary>Whether it was measured and not only estimated.</summary>
    public bool Confirmed { get; init; }

    public bool Known => Gain is not null;

    public double Ratio => Size > 0 ? (double)(Gain ?? 0) / Size : 0;

    public bool Pays(UpkeepLimits limits) => Known && Size >= limits.BloatSize && Ratio >= (Confirmed ? limits.BloatRatio : limits.UnconfirmedBloatRatio);

    public static List<Bloat> OfTables(UpkeepSession session, UpkeepLimits limits, long minimum, CancellationToken cancellation)
    {
        var tables = session.Rows(BloatSql.Tables, Read, cancellation, minimum);
        return Confirm(session, limits, tables, "pgstattuple_approx", MeasureTable, cancellation);
    }

    public static List<Bloat> OfIndexes(UpkeepSession session, UpkeepLimits limits, long minimum, CancellationToken cancellation)
    {
        var indexes = session.Rows(BloatSql.Indexes, r => Read(r) with { Owner = r.GetString(5), Method = r.GetString(6) }, cancellation, minimum);
        return Confirm(session, limits, indexes, "pgstatindex", MeasureIndex, cancellation);
    }

    private static Bloat Read(NpgsqlDataReader r)
    {
        var size = r.GetInt64(2);
        return new Bloat(r.GetFieldValue<uint>(0), r.GetString(1), size, r.GetDouble(3) / 100, r.IsDBNull(4) ? null : Math.Max(0, size - r.GetInt64(4)));
    }

    /// <summary>Measures the worst of what the estimate suspects, as far as the bytes to read allow.</summary>
    private static List<Bloat> Confirm(UpkeepSession session, UpkeepLimits limits, List<Bloat> all, string name, Func<UpkeepSession, string, Bloat, CancellationToken, Bloat> measure, CancellationToken cancellation)
    {
        var suspects = all.Where(b => b.Known && b.Size >= limits.BloatSize && b.Ratio >= limits.BloatRatio && b.Method is "" or "btree").OrderByDescending(b => b.Gain).ToList();
        if (suspects.Count == 0 || session.Ask(s => ExtensionFunction.Find(s, Extension, name, "regclass"), cancellation) is not { } function)
        {
            return all;
        }

        var left = limits.ConfirmBytes;
        var measured = new Dictionary<uint, Bloat>();
        foreach (var suspect in suspects.Where(s => s.Size <= left))
        {
            left -= suspect.Size;
            measured[suspect.Id] = Measured(session, function, suspect, measure, cancellation);
        }

        return all.ConvertAll(b => measured.GetValueOrDefault(b.Id, b));
    }

    /// <summary>Whoever may not measure, or finds the relation locked or gone, is left with the estimate.</summary>
    private static Bloat Measured(UpkeepSession session, string function, Bloat suspect, Func<UpkeepSession, string, Bloat, CancellationToken, Bloat> measure, CancellationToken cancellation)
    {
        try
        {
            return measure(session, function, suspect, cancellation);
        }
        catch (PostgresException e) when (UpkeepSession.Survives(e))
        {
            return suspect;
        }
    }

    private static Bloat MeasureTable(UpkeepSession session, string function, Bloat table, CancellationToken cancellation) => session.Rows(
        $"SELECT table_len, approx_free_space::bigint + dead_tuple_len::bigint FROM {function}($1::oid::regclass)",
        r => table with { Size = r.GetInt64(0), Gain = (long)Math.Max(0, r.GetInt64(1) - (r.GetInt64(0) * (1 - table.Fill))), Confirmed = true },
        cancellation,
        (long)table.Id).Single();

    /// <summary>Leaves are built as full as the fill factor says; what they are emptier now is air, and so are pages without an entry.</summary>
    private static Bloat MeasureIndex(UpkeepSession session, string function, Bloat index, CancellationToken cancellation) => session.Rows(
        $"SELECT index_size, leaf_pages * {CatalogSql.BlockSize}, (empty_pages + deleted_pages) * {CatalogSql.BlockSize}, CASE WHEN leaf_pages > 0 THEN avg_leaf_density ELSE 0 END FROM {function}($1::oid::regclass)",
        r => index with { Size = r.GetInt64(0), Gain = (long)Math.Max(0, (r.GetInt64(1) * (1 - (r.GetDouble(3) / 100 / index.Fill))) + r.GetInt64(2)), Confirmed = true },
        cancellation,
        (long)index.Id).Single();
}
