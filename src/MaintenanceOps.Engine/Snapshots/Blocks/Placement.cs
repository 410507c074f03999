using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>
/// Which blocks a content needs and at which of its places, ordered by where the blocks lie in the packs, so that each
/// frame is read once however often and wherever its blocks are wanted.
/// </summary>
internal sealed class Placement
{
    /// <summary>The ordinal in the upper half, the place in the lower; sorted.</summary>
    private readonly ulong[] pairs;

    private Placement(ulong[] pairs, int[] ordinals, IReadOnlyList<int> missing)
    {
        this.pairs = pairs;
        Ordinals = ordinals;
        Missing = missing;
    }

    /// <summary>The blocks to read, sorted, each once.</summary>
    public int[] Ordinals { get; }

    /// <summary>The places whose blocks the repository does not have.</summary>
    public IReadOnlyList<int> Missing { get; }

    public static Placement Of(BlockIndex index, IReadOnlyList<BlockId> places)
    {
        var pairs = new ulong[places.Count];
        var missing = new List<int>();
        var count = 0;
        for (var place = 0; place < places.Count; place++)
        {
            var ordinal = index.Find(places[place]);
            if (ordinal < 0)
            {
                missing.Add(place);
            }
            else
            {
                pairs[count++] = ((ulong)ordinal << 32) | (uint)place;
            }
        }

        Array.Resize(ref pairs, count);
        Array.Sort(pairs);
        var ordinals = new List<int>();
        foreach (var pair in pairs)
        {
            var ordinal = (int)(pair >> 32);
            if (ordinals.Count == 0 || ordinals[^1] != ordinal)
            {
                ordinals.Add(ordinal);
            }
        }

        return new Placement(pairs, [.. ordinals], missing);
    }

    /// <summary>The places that want the block, in ascending order.</summary>
    public PlaceEnumerator PlacesOf(int ordinal) => new(pairs, ordinal);

    /// <summary>Throws where a block is missing.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public void RequireComplete(string snapshot, string location)
    {
        if (Missing.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.SnapshotDamaged,
                $"{Missing.Count} blocks of snapshot {snapshot[..8]} are missing in {location}. Test-SnapshotRepository tells which objects are damaged.",
                snapshot);
        }
    }

    internal ref struct PlaceEnumerator(ulong[] pairs, int ordinal)
    {
        private int next = First(pairs, ordinal);

        public int Current { get; private set; }

        public readonly PlaceEnumerator GetEnumerator() => this;

        public bool MoveNext()
        {
            if (next >= pairs.Length || (int)(pairs[next] >> 32) != ordinal)
            {
                return false;
            }

            Current = (int)(uint)pairs[next++];
            return true;
        }

        private static int First(ulong[] pairs, int ordinal)
        {
            var found = Array.BinarySearch(pairs, (ulong)ordinal << 32);
            return found < 0 ? ~found : found;
        }
    }
}
