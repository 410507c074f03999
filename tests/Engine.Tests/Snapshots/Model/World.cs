namespace MaintenanceOps.Engine.Tests.Snapshots.Model;

/// <summary>A rule of the protocol that a test leaves out, to see that the search notices.</summary>
public enum Omission
{
    Nothing,

    /// <summary>A backup does not write down what it is going to need.</summary>
    Pending,

    /// <summary>A backup does not look at the dooms and packs once more before it names its manifest.</summary>
    LookBeforeNaming,

    /// <summary>A prune decides by the needs that it read before it doomed.</summary>
    LookAfterDooming,

    /// <summary>A prune acts on dooms, of another prune, that came after it had read the needs.</summary>
    DoomsBeforeNeeds,

    /// <summary>A prune takes a doomed copy of a block for a copy.</summary>
    UndoomedCopies,

    /// <summary>A prune forgets the doom of a pack that is needed after all.</summary>
    DoomForEver,

    /// <summary>A prune gives a pending manifest up without taking its name.</summary>
    TakenName,
}

/// <summary>One backup or copy: where it stands, and what it has read so far. Sets of packs are bits.</summary>
internal record struct Writer(byte At, byte Dooms, byte Relied);

/// <summary>One prune.</summary>
internal record struct Pruner(byte At, byte Needs, byte Doom, byte Begun, byte Acting, byte Dooms, byte Going);

/// <summary>
/// A small repository and all who work in it. There are two blocks, <c>a</c> (1) and <c>b</c> (2), and seven packs: 0 holds <c>a</c>, which no
/// snapshot needs any more; 1 holds <c>b</c>, which one does, and much that is free; 2, 3 and 4 are written by the three writers, 5 and 6 by
/// the two prunes. Each step is one request to the store; between any two a process can stop, for a while or for ever.
/// </summary>
internal record struct World
{
    private const byte A = 1;
    private const byte B = 2;
    public const byte Finished = 100;
    public const byte Failed = 101;

    /// <summary>What each writer's snapshot needs: two backups of <c>a</c>, and a copy of <c>a</c> and <c>b</c>.</summary>
    private static readonly byte[] Wants = [A, A, A | B];

    public byte Present;
    public ushort Contents;
    public byte Doom0;
    public byte Doom1;
    public byte Pending;
    public byte Named;
    public byte Revoked;
    public byte Acknowledged;
    public Writer Writer0;
    public Writer Writer1;
    public Writer Writer2;
    public Pruner Pruner0;
    public Pruner Pruner1;

    public static World Start(int backups, int copies, int pruners) => new()
    {
        Present = 0b11,
        Contents = A | (B << 2),
        Writer0 = new Writer(backups > 0 ? (byte)0 : Finished, 0, 0),
        Writer1 = new Writer(backups > 1 ? (byte)0 : Finished, 0, 0),
        Writer2 = new Writer(copies > 0 ? (byte)0 : Finished, 0, 0),
        Pruner0 = new Pruner { At = pruners > 0 ? (byte)0 : Finished },
        Pruner1 = new Pruner { At = pruners > 1 ? (byte)0 : Finished },
    };

    /// <summary>What is wrong; null where all that is promised holds.</summary>
    public readonly string? Fault()
    {
        for (var i = 0; i < 3; i++)
        {
            if ((Named >> i & 1) == 1 && (Wants[i] & ~Held(Present)) != 0)
            {
                return $"snapshot {i} is listed and needs what is gone";
            }

            if ((Acknowledged >> i & 1) == 1 && (Named >> i & 1) == 0)
            {
                return $"snapshot {i} was reported and is not there";
            }
        }

        return (B & ~Held(Present)) != 0 ? "the old snapshot has lost its block" : null;
    }

    /// <summary>Whether nothing is left that no snapshot needs, but for second copies.</summary>
    public readonly bool IsClean()
    {
        var needs = Needs(Named);
        for (var p = 0; p < 7; p++)
        {
            if ((Present >> p & 1) == 1 && (Content(p) & needs) == 0)
            {
                return false;
            }
        }

        return (Doom0 | Doom1) == 0 || ((Doom0 | Doom1) & Present) == 0;
    }

    /// <summary>All states that one step of one process leads to.</summary>
    public readonly void Next(Omission omission, List<World> into)
    {
        for (var i = 0; i < 3; i++)
        {
            if (WriterAt(i).At < Finished)
            {
                into.Add(Write(i, omission));
            }
        }

        for (var j = 0; j < 2; j++)
        {
            if (PrunerAt(j).At < Finished)
            {
                into.Add(Prune(j, omission, giveUp: false));
                if (PrunerAt(j).At == 3 && Pending != 0)
                {
                    into.Add(Prune(j, omission, giveUp: true));
                }
            }
        }
    }

    /// <summary>The same state with the two backups, and the two prunes, in the order of how far they are: they are alike.</summary>
    public readonly World InOrder()
    {
        var world = this;
        if (world.Writer0.At > world.Writer1.At)
        {
            world = world.Exchange(2, 3, swapManifests: true);
            (world.Writer0, world.Writer1) = (world.Writer1, world.Writer0);
        }

        if (world.Pruner0.At > world.Pruner1.At)
        {
            world = world.Exchange(5, 6, swapManifests: false);
            (world.Pruner0, world.Pruner1, world.Doom0, world.Doom1) = (world.Pruner1, world.Pruner0, world.Doom1, world.Doom0);
        }

        return world;
    }

    private readonly World Exchange(int a, int b, bool swapManifests)
    {
        byte Packs(byte set) => Swapped(set, a, b);
        byte Manifests(byte set) => swapManifests ? Swapped(set, 0, 1) : set;
        Writer OfWriter(Writer w) => new(w.At, Packs(w.Dooms), Packs(w.Relied));
        Pruner OfPruner(Pruner p) => new(p.At, p.Needs, Packs(p.Doom), Manifests(p.Begun), Packs(p.Acting), Packs(p.Dooms), Packs(p.Going));
        var other = this with
        {
            Present = Packs(Present),
            Doom0 = Packs(Doom0),
            Doom1 = Packs(Doom1),
            Pending = Manifests(Pending),
            Named = Manifests(Named),
            Revoked = Manifests(Revoked),
            Acknowledged = Manifests(Acknowledged),
            Writer0 = OfWriter(Writer0),
            Writer1 = OfWriter(Writer1),
            Writer2 = OfWriter(Writer2),
            Pruner0 = OfPruner(Pruner0),
            Pruner1 = OfPruner(Pruner1),
        };
        other.SetContent(a, Content(b));
        other.SetContent(b, Content(a));
        return other;
    }

    private static byte Swapped(byte set, int a, int b) =>
        (byte)((set & ~((1 << a) | (1 << b))) | ((set >> a & 1) << b) | ((set >> b & 1) << a));

    /// <summary>One step of a backup or copy.</summary>
    private readonly World Write(int i, Omission omission)
    {
        var next = this;
        var own = WriterAt(i);
        switch (own.At)
        {
            case 0:
                // Read in one step: what a writer finds makes no difference to safety, for it looks again.
                var (found, relied) = Find(Wants[i], (byte)(Present & ~(Doom0 | Doom1)));
                own.Relied = relied;
                own.At = 1;
                next.SetContent(2 + i, (byte)(Wants[i] & ~found));
                break;
            case 2:
                if (Content(2 + i) != 0)
                {
                    next.Present |= (byte)(1 << (2 + i));
                    own.Relied |= (byte)(1 << (2 + i));
                }

                break;
            case 3:
                next.Pending |= omission == Omission.Pending ? (byte)0 : (byte)(1 << i);
                break;
            case 4:
                own.Dooms = (byte)(Doom0 | Doom1);
                break;
            case 5:
                if (omission != Omission.LookBeforeNaming && (own.Relied & ~(Present & ~own.Dooms)) != 0)
                {
                    next.Pending &= (byte)~(1 << i);
                    own.At = Failed - 1;
                }

                own = new Writer(own.At, 0, 0);
                break;
            case 6:
                if ((Revoked >> i & 1) == 1)
                {
                    next.Pending &= (byte)~(1 << i);
                    own.At = Failed - 1;
                }
                else
                {
                    next.Named |= (byte)(1 << i);
                }

                break;
            default:
                next.Pending &= (byte)~(1 << i);
                next.Acknowledged |= (byte)(1 << i);
                own.At = Finished - 1;
                break;
        }

        own.At++;
        next.SetWriter(i, own);
        return next;
    }

    /// <summary>One step of a prune.</summary>
    private readonly World Prune(int j, Omission omission, bool giveUp)
    {
        var next = this;
        var own = PrunerAt(j);
        switch (own.At)
        {
            case 0:
                // What a prune plans is read in one step: the plan makes no difference to what it may remove later.
                Plan(j, omission, ref own, ref next);
                own.At = 1;
                break;
            case 2:
                next.SetDoom(j, own.Doom);
                own.Doom = 0;
                break;
            case 3:
                if (giveUp)
                {
                    next.Revoked |= omission == Omission.TakenName ? (byte)0 : (byte)(Pending & ~Named);
                    next.Pending = 0;
                }

                break;
            case 4:
                own.Acting = (byte)(Doom0 | Doom1);
                break;
            case 5:
                own.Begun = Pending;
                break;
            case 6:
                own.Needs = omission == Omission.LookAfterDooming ? own.Needs : Needs((byte)(Named | own.Begun));
                own.Begun = 0;
                break;
            case 7:
                own.Dooms = (byte)(Doom0 | Doom1);
                own.Acting = omission == Omission.DoomsBeforeNeeds ? own.Dooms : own.Acting;
                break;
            case 8:
                own = new Pruner { At = own.At, Going = Removable(j, own, omission) };
                break;
            case 9 when own.Going != 0:
                var first = (byte)(own.Going & -own.Going);
                next.Present &= (byte)~first;
                own.Going &= (byte)~first;
                own.At--;
                break;
            case 9:
                break;
            default:
                Forget(0, Doom0, omission, ref next);
                Forget(1, Doom1, omission, ref next);
                own = new Pruner { At = Finished - 1 };
                break;
        }

        own.At++;
        next.SetPruner(j, own);
        return next;
    }

    private readonly void Plan(int j, Omission omission, ref Pruner own, ref World next)
    {
        own.Needs = Needs((byte)(Named | Pending));
        var dooms = (byte)(Doom0 | Doom1);
        var lasting = (byte)(Present & ~dooms);
        var (found, live) = Find(own.Needs, lasting);

        // Pack 1 is mostly free, so its block moves, and so does what only doomed packs have.
        var moves = (byte)((own.Needs & ~found & Held(Present)) | ((live & 0b10) != 0 ? B : 0));
        next.SetContent(5 + j, moves);
        next.Present |= moves != 0 ? (byte)(1 << (5 + j)) : (byte)0;
        own.Doom = (byte)(lasting & ~(live & ~0b10));
        own.Needs = omission == Omission.LookAfterDooming ? own.Needs : (byte)0;
    }

    private readonly byte Removable(int j, Pruner own, Omission omission)
    {
        var copies = omission == Omission.UndoomedCopies ? Present : (byte)(Present & ~own.Dooms);
        byte going = 0;
        for (var n = 0; n < 7; n++)
        {
            // Which of two copies a prune would choose is anybody's guess, and two prunes guess differently.
            var p = j == 0 ? n : 6 - n;
            var others = (byte)(copies & ~(1 << p));
            if ((own.Acting & Present & (1 << p)) != 0 && (Content(p) & own.Needs & ~Held(others)) == 0)
            {
                going |= (byte)(1 << p);
                copies = others;
            }
        }

        return going;
    }

    private readonly void Forget(int record, byte doom, Omission omission, ref World next)
    {
        if ((doom & Present) == 0 || omission == Omission.DoomForEver)
        {
            next.SetDoom(record, 0);
        }
    }

    /// <summary>The needs of the old snapshot and of those among the bits.</summary>
    private static byte Needs(byte manifests)
    {
        var needs = B;
        for (var i = 0; i < 3; i++)
        {
            needs |= (manifests >> i & 1) == 1 ? Wants[i] : (byte)0;
        }

        return needs;
    }

    /// <summary>Which of the blocks are found in the packs, and in which: the first that has a block.</summary>
    private readonly (byte Found, byte Packs) Find(byte blocks, byte among)
    {
        byte found = 0, packs = 0;
        for (var p = 0; p < 7; p++)
        {
            if ((among >> p & 1) == 1 && (Content(p) & blocks & ~found) != 0)
            {
                found |= (byte)(Content(p) & blocks);
                packs |= (byte)(1 << p);
            }
        }

        return (found, packs);
    }

    private readonly byte Held(byte packs)
    {
        byte held = 0;
        for (var p = 0; p < 7; p++)
        {
            held |= (packs >> p & 1) == 1 ? Content(p) : (byte)0;
        }

        return held;
    }

    private readonly byte Content(int pack) => (byte)(Contents >> (2 * pack) & 3);

    private void SetContent(int pack, byte blocks) => Contents = (ushort)((Contents & ~(3 << (2 * pack))) | (blocks << (2 * pack)));

    private readonly Writer WriterAt(int i) => i == 0 ? Writer0 : i == 1 ? Writer1 : Writer2;

    private void SetWriter(int i, Writer writer) => (Writer0, Writer1, Writer2) = (i == 0 ? writer : Writer0, i == 1 ? writer : Writer1, i == 2 ? writer : Writer2);

    private readonly Pruner PrunerAt(int j) => j == 0 ? Pruner0 : Pruner1;

    private void SetPruner(int j, Pruner pruner) => (Pruner0, Pruner1) = j == 0 ? (pruner, Pruner1) : (Pruner0, pruner);

    private void SetDoom(int record, byte packs) => (Doom0, Doom1) = record == 0 ? (packs, Doom1) : (Doom0, packs);
}
