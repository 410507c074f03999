namespace MaintenanceOps.Engine.Databases.Sqlite.Comparison;

/// <summary>Compares two stored values by type and bytes. What a column's collation or affinity takes for equal does not count.</summary>
internal static class StoredValue
{
    /// <summary>Whether two values are stored alike: 1, 1.0 and '1' are three, and so are 0.0 and -0.0 two.</summary>
    public static bool Same(RowCursor a, RowCursor b, int column)
    {
        var type = a.Type(column);
        return type == b.Type(column) && type switch
        {
            StoredType.Null => true,
            StoredType.Integer => a.Integer(column) == b.Integer(column),
            StoredType.Real => BitConverter.DoubleToInt64Bits(a.Real(column)) == BitConverter.DoubleToInt64Bits(b.Real(column)),
            _ => a.Bytes(column).SequenceEqual(b.Bytes(column)),
        };
    }

    /// <summary>The order that SQLite sorts by without a collation: nothing, numbers by value, texts by bytes, blobs by bytes.</summary>
    public static int Compare(RowCursor a, RowCursor b, int column)
    {
        var (left, right) = (a.Type(column), b.Type(column));
        if (Rank(left) != Rank(right))
        {
            return Rank(left).CompareTo(Rank(right));
        }

        return (left, right) switch
        {
            (StoredType.Null, _) => 0,
            (StoredType.Integer, StoredType.Integer) => a.Integer(column).CompareTo(b.Integer(column)),
            (StoredType.Real, StoredType.Real) => a.Real(column) < b.Real(column) ? -1 : a.Real(column) > b.Real(column) ? 1 : 0,
            (StoredType.Integer, StoredType.Real) => Compare(a.Integer(column), b.Real(column)),
            (StoredType.Real, StoredType.Integer) => -Compare(b.Integer(column), a.Real(column)),
            _ => a.Bytes(column).SequenceCompareTo(b.Bytes(column)),
        };
    }

    private static int Rank(StoredType type) => type switch
    {
        StoredType.Null => 0,
        StoredType.Integer or StoredType.Real => 1,
        StoredType.Text => 2,
        _ => 3,
    };

    /// <summary>Exact, though not every integer is a double.</summary>
    private static int Compare(long integer, double real)
    {
        const double Beyond = 9223372036854775808.0;
        if (real >= Beyond)
        {
            return -1;
        }

        if (real < -Beyond)
        {
            return 1;
        }

        var whole = Math.Truncate(real);
        var order = integer.CompareTo((long)whole);
        return order != 0 ? order : whole.CompareTo(real);
    }
}
