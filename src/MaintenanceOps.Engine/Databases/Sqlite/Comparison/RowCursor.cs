using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Comparison;

/// <summary>The rows of one statement, one at a time, with their values as SQLite stores them: no text is decoded and no number converted.</summary>
internal sealed class RowCursor : IDisposable
{
    private const int Row = 100;
    private const int Done = 101;
    private readonly SqliteConnection connection;
    private readonly sqlite3_stmt statement;

    /// <exception cref="SqliteException">The statement cannot be asked.</exception>
    public RowCursor(SqliteConnection connection, string sql)
    {
        this.connection = connection;
        Check(raw.sqlite3_prepare_v2(connection.Handle, sql, out statement));
    }

    /// <summary>Goes to the next row; false after the last one.</summary>
    public bool Next()
    {
        var result = raw.sqlite3_step(statement);
        if (result is not (Row or Done))
        {
            Check(result);
        }

        return result == Row;
    }

    public StoredType Type(int column) => (StoredType)raw.sqlite3_column_type(statement, column);

    public long Integer(int column) => raw.sqlite3_column_int64(statement, column);

    public double Real(int column) => raw.sqlite3_column_double(statement, column);

    /// <summary>A text in the database's own encoding, or a blob. Valid until the next row.</summary>
    public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(statement, column);

    public void Dispose() => statement.Dispose();

    private void Check(int result)
    {
        if (result != SqliteNative.Ok)
        {
            throw new SqliteException(raw.sqlite3_errmsg(connection.Handle).utf8_to_string(), result & 0xff, result);
        }
    }
}

/// <summary>SQLite's storage classes, by its numbers.</summary>
internal enum StoredType
{
    Integer = 1,
    Real = 2,
    Text = 3,
    Blob = 4,
    Null = 5,
}
