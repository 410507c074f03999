using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>A pack whose footer cannot be read, and why.</summary>
internal readonly record struct DamagedPack(string ObjectName, long Size, string Reason);

/// <summary>Reads the footers of all packs: the repository's index, made anew from what it describes.</summary>
internal sealed class FooterReader(Repository repository)
{
    /// <summary>Most footers are shorter than this, so that one request is enough.</summary>
    private const int Guess = 256 * 1024;

    /// <summary>Footers in the order of their packs' names; packs that cannot be read are left out and listed.</summary>
    public IReadOnlyList<PackFooter> ReadAll(out IReadOnlyList<DamagedPack> damaged)
    {
        var objects = repository.Store.List("packs/").OrderBy(o => o.Name, StringComparer.Ordinal).ToList();
        var footers = new PackFooter?[objects.Count];
        var reasons = new string?[objects.Count];
        Parallel.For(0, objects.Count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            try
            {
                footers[i] = Read(objects[i].Name);
            }
            catch (Exception e) when (e is InvalidDataException or OverflowException)
            {
                reasons[i] = e.Message;
            }
        });
        damaged = [.. objects.Select((o, i) => new DamagedPack(o.Name, o.Size, reasons[i] ?? "")).Where(d => d.Reason.Length > 0)];
        return [.. footers.OfType<PackFooter>()];
    }

    private PackFooter Read(string name)
    {
        var header = repository.Store.ReadRange(name, 0, ObjectHeader.Size) ?? throw new InvalidDataException("It is missing.");
        var tail = repository.Store.ReadTail(name, Guess) ?? throw new InvalidDataException("It is missing.");
        var length = PackFooter.SealedLength(tail);
        if (length > tail.Length - Pack.TrailerSize && tail.Length == Guess)
        {
            tail = repository.Store.ReadTail(name, checked(length + Pack.TrailerSize)) ?? throw new InvalidDataException("It is missing.");
        }

        return PackFooter.Open(repository.Key, name[(name.LastIndexOf('/') + 1)..], header, tail);
    }
}
