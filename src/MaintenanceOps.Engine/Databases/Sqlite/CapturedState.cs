using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// A hot state on its way into a snapshot: its pages are read once to be stored and once more by SQLite itself, which
/// checks them; a witness sees to it that both got the same bytes.
/// </summary>
internal sealed class CapturedState : IPageSource
{
    private const int MinUnit = 4096;
    private const int MaxUnit = 256 * 1024;

    /// <summary>The witness takes eight bytes of memory a block.</summary>
    private const long MaxBlocks = 2_000_000;

    private readonly HotDatabase database;
    private readonly PageWitness witness;
    private readonly byte[] block;
    private long blockAt = -1;
    private int blockLength;

    public CapturedState(HotDatabase database)
    {
        this.database = database;
        var unit = Math.Max(MinUnit, database.PageSize);
        while (database.Size / unit > MaxBlocks && unit < MaxUnit)
        {
            unit *= 2;
        }

        witness = new PageWitness(database.Size, unit);
        block = GC.AllocateUninitializedArray<byte>(unit);
    }

    public long Size => database.Size;

    /// <summary>Reads what is to be stored. Offset and length are multiples of 256 KiB, but for the length of the last piece.</summary>
    public void Read(long offset, Span<byte> into)
    {
        database.Read(offset, into);
        _ = witness.Attest(offset, into);
    }

    /// <summary>SQLite over the same pages. Used by one thread, and disposed of before the state.</summary>
    public SqliteConnection OpenForChecks() => PageVfs.Open(this);

    /// <summary>Throws where the stored bytes are not a state that the database had, or not the ones that were checked.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SourceChanged"/>.</exception>
    public void RequireSteady()
    {
        database.RequireSteady();
        if (witness.Torn >= 0)
        {
            throw HotDatabase.Changed(database.Path, $"the page at {witness.Torn:N0} did not read the same twice");
        }
    }

    bool IPageSource.TryRead(long offset, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            var at = offset - (offset % witness.Unit);
            if (at != blockAt && !TryLoad(at))
            {
                return false;
            }

            var part = block.AsSpan((int)(offset - at), Math.Min(into.Length, blockLength - (int)(offset - at)));
            part.CopyTo(into);
            into = into[part.Length..];
            offset += part.Length;
        }

        return true;
    }

    private bool TryLoad(long at)
    {
        blockAt = -1;
        blockLength = (int)Math.Min(witness.Unit, Size - at);
        database.Read(at, block.AsSpan(0, blockLength));
        if (!witness.Attest(at, block.AsSpan(0, blockLength)))
        {
            return false;
        }

        blockAt = at;
        return true;
    }
}
