using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>Where a block lies.</summary>
internal readonly record struct BlockLocation(PackFooter Pack, int Frame, int Block);

/// <summary>
/// All blocks of a repository, made from the packs' footers. A block's ordinal counts through packs, frames and blocks in
/// order, so that sorting by it is sorting by place. About 36 bytes a block.
/// </summary>
internal sealed class BlockIndex
{
    private const int BucketSize = 256;
    private readonly List<PackFooter> packs;
    private readonly int[] firstOrdinals;

    /// <summary>For each <see cref="BucketSize"/> ordinals the pack in which they begin: a look-up without a search.</summary>
    private readonly int[] packOfBucket;
    private readonly int[] slots;
    private readonly int lastingPacks;
    private readonly int lastingOrdinals;
    private readonly int soundPacks;

    /// <summary>For each pack whether somebody has found a block in it to build on. Set from several threads.</summary>
    private readonly bool[] relied;

    /// <param name="footers">The footers of all packs.</param>
    /// <param name="damaged">The ids of packs in which damage was found.</param>
    /// <param name="doomed">The ids of packs that a prune is about to remove.</param>
    /// <remarks>A copy of a block in a pack that is neither comes before one in a doomed pack, and that one before one in a damaged pack.</remarks>
    public BlockIndex(IEnumerable<PackFooter> footers, IReadOnlySet<string>? damaged = null, IReadOnlySet<string>? doomed = null)
    {
        int Rank(PackFooter f) => damaged?.Contains(f.PackId) == true ? 2 : doomed?.Contains(f.PackId) == true ? 1 : 0;
        packs = [.. footers.OrderBy(Rank)];
        lastingPacks = packs.Count(f => Rank(f) == 0);
        soundPacks = packs.Count(f => Rank(f) < 2);
        relied = new bool[packs.Count];
        Doomed = doomed ?? new HashSet<string>();
        firstOrdinals = new int[packs.Count];
        var total = 0;
        for (var i = 0; i < packs.Count; i++)
        {
            firstOrdinals[i] = total;
            total = checked(total + packs[i].Ids.Length);
        }

        Count = total;
        lastingOrdinals = lastingPacks < packs.Count ? firstOrdinals[lastingPacks] : total;
        packOfBucket = new int[(total / BucketSize) + 1];
        slots = new int[SlotCount(total)];
        for (var pack = 0; pack < packs.Count; pack++)
        {
            var ordinal = firstOrdinals[pack];
            foreach (var id in packs[pack].Ids)
            {
                if (ordinal % BucketSize == 0)
                {
                    packOfBucket[ordinal / BucketSize] = pack;
                }

                Insert(id, ordinal++);
            }
        }
    }

    public int Count { get; }

    public IReadOnlyList<PackFooter> Packs => packs;

    /// <summary>The block's ordinal, or -1.</summary>
    public int Find(BlockId id)
    {
        var mask = slots.Length - 1;
        for (var slot = id.GetHashCode() & mask; slots[slot] != 0; slot = (slot + 1) & mask)
        {
            var ordinal = slots[slot] - 1;
            if (IdOf(ordinal).Equals(id))
            {
                return ordinal;
            }
        }

        return -1;
    }

    /// <summary>
    /// The block's ordinal, for who is going to build on it, or -1 where only a damaged or doomed pack has it: then it is
    /// stored anew. The pack is remembered, see <see cref="Relied"/>.
    /// </summary>
    public int FindSound(BlockId id)
    {
        var ordinal = Find(id);
        if (ordinal < 0 || !IsLasting(ordinal))
        {
            return -1;
        }

        relied[PackOf(ordinal)] = true;
        return ordinal;
    }

    /// <summary>The packs in which <see cref="FindSound"/> has found something.</summary>
    public IEnumerable<string> Relied => packs.Where((_, i) => relied[i]).Select(p => p.PackId);

    /// <summary>Forgets what was found so far: other work begins.</summary>
    public void ForgetRelied() => Array.Clear(relied);

    /// <summary>The ids of the packs that were doomed when the index was made, whether they were there or not.</summary>
    public IReadOnlySet<string> Doomed { get; }

    /// <summary>Whether the block lies in a pack that is neither damaged nor doomed.</summary>
    public bool IsLasting(int ordinal) => ordinal < lastingOrdinals;

    /// <summary>Whether no damage was found in the pack.</summary>
    public bool IsSound(int packIndex) => packIndex < soundPacks;

    /// <summary>Whether a prune has announced that it will remove the pack.</summary>
    public bool IsDoomed(int packIndex) => Doomed.Contains(packs[packIndex].PackId);

    /// <summary>Other places of a block: after a prune was killed, or after damage was mended. Slow, for the rare need.</summary>
    public IEnumerable<int> OtherPlacesOf(int ordinal)
    {
        var id = IdOf(ordinal);
        return Enumerable.Range(0, Count).Where(o => o != ordinal && IdOf(o).Equals(id));
    }

    public BlockLocation Locate(int ordinal)
    {
        var packIndex = PackOf(ordinal);
        var pack = packs[packIndex];
        var block = ordinal - firstOrdinals[packIndex];
        int low = 0, high = pack.Frames.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = pack.Frames[middle].FirstBlock <= block ? (middle, high) : (low, middle - 1);
        }

        return new BlockLocation(pack, low, block);
    }

    public BlockId IdOf(int ordinal)
    {
        var pack = PackOf(ordinal);
        return packs[pack].Ids[ordinal - firstOrdinals[pack]];
    }

    public int LengthOf(int ordinal)
    {
        var pack = PackOf(ordinal);
        return packs[pack].Lengths[ordinal - firstOrdinals[pack]];
    }

    public int FirstOrdinalOf(int packIndex) => firstOrdinals[packIndex];

    private int PackOf(int ordinal)
    {
        var pack = packOfBucket[ordinal / BucketSize];
        while (pack + 1 < firstOrdinals.Length && firstOrdinals[pack + 1] <= ordinal)
        {
            pack++;
        }

        return pack;
    }

    /// <summary>The first of two equal blocks wins; the other one is found by prune.</summary>
    private void Insert(BlockId id, int ordinal)
    {
        var mask = slots.Length - 1;
        var slot = id.GetHashCode() & mask;
        while (slots[slot] != 0)
        {
            if (IdOf(slots[slot] - 1).Equals(id))
            {
                return;
            }

            slot = (slot + 1) & mask;
        }

        slots[slot] = ordinal + 1;
    }

    private static int SlotCount(int blocks)
    {
        var count = 1024;
        while (count < blocks * 2L)
        {
            count = checked(count * 2);
        }

        return count;
    }
}
