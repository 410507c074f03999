using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Tests.Golden;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>A part of a repository that can be hurt by itself.</summary>
public enum Part
{
    Repository,
    RepositoryCopy,
    RepositoryBoth,
    Key,
    KeyCopy,
    KeyBoth,
    PackHeader,
    PackFrame,
    PackFooter,
    PackTrailer,
    WholeMap,
    DifferenceMap,
    ListingMap,
    Manifest,
    TestRecord,
}

/// <summary>What happens to it.</summary>
public enum Damage
{
    BitFlip,
    Truncation,
    ZeroLength,
    Swap,
    Missing,
}

/// <summary>
/// Every kind of object × every kind of damage, done to copies of the golden repositories. Whatever is hit: a snapshot
/// that does not need it restores byte for byte; one that does restores byte for byte too or fails with a typed error;
/// and a full check names the object, and exactly the snapshots that are hurt.
/// </summary>
public sealed class DamageTests : IDisposable
{
    private static readonly Lazy<Needs> PlainNeeds = new(() => Needs.Of(GoldenData.FolderOf(GoldenData.Plain), null));
    private static readonly Lazy<Needs> EncryptedNeeds = new(() => Needs.Of(GoldenData.FolderOf(GoldenData.Encrypted), GoldenData.PassphraseOf(GoldenData.Encrypted)));
    private readonly TestFolder folder = new();

    public static TheoryData<string, Part, Damage> Cases()
    {
        var data = new TheoryData<string, Part, Damage>();
        foreach (var part in Enum.GetValues<Part>())
        {
            foreach (var damage in Enum.GetValues<Damage>())
            {
                var isKey = part is Part.Key or Part.KeyCopy or Part.KeyBoth;
                var both = part is Part.RepositoryBoth or Part.KeyBoth;

                // Both copies cannot change places with something else, and nobody can tell of a manifest that is gone.
                if ((both && damage == Damage.Swap) || (part is Part.Manifest or Part.TestRecord && damage == Damage.Missing))
                {
                    continue;
                }

                // All parts of a pack vanish, empty and change places together.
                if (part is Part.PackFrame or Part.PackFooter or Part.PackTrailer && damage is not (Damage.BitFlip or Damage.Truncation))
                {
                    continue;
                }

                if (!isKey)
                {
                    data.Add(GoldenData.Plain, part, damage);
                }

                // Opening takes 600,000 rounds each time, so of the encrypted one only what differs is tried in full.
                if (isKey || damage is Damage.BitFlip)
                {
                    data.Add(GoldenData.Encrypted, part, damage);
                }
            }
        }

        return data;
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Damage_costs_only_what_needs_the_object(string name, Part part, Damage damage)
    {
        var needs = name == GoldenData.Plain ? PlainNeeds.Value : EncryptedNeeds.Value;
        var number = 0;
        foreach (var target in needs.TargetsOf(part).Take(name == GoldenData.Plain ? int.MaxValue : 1))
        {
            var copy = GoldenData.Copy(name, folder[$"damaged-{number++}"]);
            var hurt = target.Apply(copy, damage, needs);
            Judge(name, copy, target, hurt, damage);
        }

        Assert.True(number > 0, $"There is no {part} in the golden data.");
    }

    private void Judge(string name, string copy, Target target, HashSet<string> hurt, Damage damage)
    {
        Repository repository;
        try
        {
            repository = Repository.Open(copy, GoldenData.PassphraseOf(name));
        }
        catch (MaintenanceException e) when (target.IsEssential)
        {
            Assert.Contains(e.Code, new[] { ErrorCode.RepositoryDamaged, ErrorCode.RepositoryNotFound, ErrorCode.PassphraseWrong });
            return;
        }

        using (repository)
        {
            foreach (var expected in GoldenData.ExpectedOf(name))
            {
                Restore(repository, expected, hurt);
            }

            var findings = repository.Check();
            Assert.Equal(hurt.Order(), findings.SelectMany(f => f.Snapshots).Distinct().Order());
            if (hurt.Count > 0)
            {
                // Maps name blocks, not packs, so nothing can tell the name of a pack that is gone.
                var first = target.Names[0];
                Assert.True(
                    (damage == Damage.Missing && first.StartsWith("packs/", StringComparison.Ordinal)) || findings.Any(f => f.ObjectName == first || f.Message.Contains(first, StringComparison.Ordinal)),
                    $"No finding names {first}: {string.Join(" | ", findings)}");
                Assert.All(findings.Where(f => f.Snapshots.Count > 0), f => Assert.Equal(FindingSeverity.Error, f.Severity));
            }
        }
    }

    private void Restore(Repository repository, GoldenData.Expected expected, HashSet<string> hurt)
    {
        var target = Path.Combine(folder.Path, Guid.NewGuid().ToString("N"));
        try
        {
            repository.Restore(new SnapshotCatalog(repository).Find(expected.Id), target);
        }
        catch (MaintenanceException e) when (hurt.Contains(expected.Id))
        {
            Assert.Contains(e.Code, new[] { ErrorCode.SnapshotDamaged, ErrorCode.VerificationFailed });
            Assert.False(Path.Exists(target), "A failed restore left something behind.");
            return;
        }

        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(expected.Lines, GoldenData.Describe(target));
        }
    }

    /// <summary>Something to damage: one object or an object and its copy, and the range of bytes that is meant.</summary>
    private sealed record Target(Part Part, string[] Names, long From = 0, long To = -1)
    {
        public bool IsEssential => Part is Part.RepositoryBoth or Part.KeyBoth;

        /// <summary>Damages the object in a copy of the repository; returns the snapshots that this must hurt.</summary>
        public HashSet<string> Apply(string repository, Damage damage, Needs needs)
        {
            var hurt = Hurt(needs, damage);
            foreach (var name in Names)
            {
                var path = Path.Combine(repository, name);
                var bytes = File.ReadAllBytes(path);
                var end = To < 0 ? bytes.Length : To;
                switch (damage)
                {
                    case Damage.BitFlip:
                        bytes[(From + end) / 2] ^= 0x10;
                        File.WriteAllBytes(path, bytes);
                        break;
                    case Damage.Truncation:
                        File.WriteAllBytes(path, bytes[..(int)((From + end) / 2)]);
                        break;
                    case Damage.ZeroLength:
                        File.WriteAllBytes(path, []);
                        break;
                    case Damage.Missing:
                        File.Delete(path);
                        break;
                    case Damage.Swap:
                        var other = needs.NeighbourOf(name);
                        File.WriteAllBytes(path, File.ReadAllBytes(Path.Combine(repository, other)));
                        File.WriteAllBytes(Path.Combine(repository, other), bytes);
                        hurt.UnionWith(new Target(Part, [other]).Hurt(needs, damage));
                        break;
                }
            }

            return hurt;
        }

        /// <summary>A flip in one frame costs that frame; a pack that is cut loses its footer, and all is lost with it.</summary>
        private HashSet<string> Hurt(Needs needs, Damage damage) => [.. needs.Snapshots
            .Where(s => Names.Any(n => s.Objects.Contains(Part == Part.PackFrame && damage == Damage.BitFlip ? $"{n}@{From}" : n)))
            .Select(s => s.Id)];
    }

    /// <summary>What each snapshot of an undamaged repository needs. Reads only: the golden data itself is looked at.</summary>
    private sealed record Needs(string Folder, IReadOnlyList<(string Id, HashSet<string> Objects)> Snapshots, IReadOnlyList<Target> Targets)
    {
        public static Needs Of(string path, Passphrase? passphrase)
        {
            using var repository = Repository.Open(path, passphrase);
            var snapshots = new List<(string, HashSet<string>)>();
            var targets = new List<Target>();
            foreach (var id in repository.ManifestIds().Order().ToList())
            {
                var manifest = repository.ReadManifest(id);
                var objects = new HashSet<string> { Manifest.ObjectName(id), PageMap.ObjectName(manifest.Map) };
                targets.Add(new Target(Part.Manifest, [Manifest.ObjectName(id)]));
                var whole = manifest.Kind == SnapshotKind.Files ? null : repository.ReadMapBase(manifest.Map);
                targets.Add(new Target(
                    manifest.Kind == SnapshotKind.Files ? Part.ListingMap : whole is null ? Part.WholeMap : Part.DifferenceMap,
                    [PageMap.ObjectName(manifest.Map)]));
                if (whole is not null)
                {
                    objects.Add(PageMap.ObjectName(whole));
                }

                foreach (var block in SnapshotBlocks.Of(repository, id, manifest, default))
                {
                    var at = repository.Index.Locate(repository.Index.Find(block));
                    objects.Add(Pack.ObjectName(at.Pack.PackId));
                    objects.Add($"{Pack.ObjectName(at.Pack.PackId)}@{at.Pack.Frames[at.Frame].Offset}");
                }

                snapshots.Add((id, objects));
            }

            foreach (var pack in repository.Index.Packs)
            {
                var name = Pack.ObjectName(pack.PackId);
                var length = new FileInfo(Path.Combine(path, name)).Length;
                var framesEnd = pack.Frames[^1].Offset + pack.Frames[^1].StoredLength;
                targets.Add(new Target(Part.PackHeader, [name], 0, ObjectHeader.Size));
                targets.AddRange(pack.Frames.Select(f => new Target(Part.PackFrame, [name], f.Offset, f.Offset + f.StoredLength)));
                targets.Add(new Target(Part.PackFooter, [name], framesEnd, length - Pack.TrailerSize));
                targets.Add(new Target(Part.PackTrailer, [name], length - Pack.TrailerSize, length));
            }

            targets.Add(new Target(Part.Repository, ["repository.json"]));
            targets.Add(new Target(Part.RepositoryCopy, ["repository.copy.json"]));
            targets.Add(new Target(Part.RepositoryBoth, ["repository.json", "repository.copy.json"]));

            // The key that the tests open with; the other one's fate is OpenFaultTests' business.
            foreach (var key in new KeyRing(repository.Store, repository.Description.Id).List().Where(k => k.Label == "first"))
            {
                targets.Add(new Target(Part.Key, [$"keys/{key.Id}.json"]));
                targets.Add(new Target(Part.KeyCopy, [$"keys/{key.Id}.copy.json"]));
                targets.Add(new Target(Part.KeyBoth, [$"keys/{key.Id}.json", $"keys/{key.Id}.copy.json"]));
            }

            targets.AddRange(repository.Store.List("tests/").Select(o => new Target(Part.TestRecord, [o.Name])));
            return new Needs(path, snapshots, targets);
        }

        public IEnumerable<Target> TargetsOf(Part part) => Targets.Where(t => t.Part == part);

        /// <summary>The next object of the same kind.</summary>
        public string NeighbourOf(string name)
        {
            var kind = name.Split('/')[0];
            var same = kind.StartsWith("repository", StringComparison.Ordinal)
                ? ["repository.copy.json", "repository.json"]
                : Directory.EnumerateFiles(Path.Combine(Folder, kind), "*", SearchOption.AllDirectories)
                    .Select(f => Path.GetRelativePath(Folder, f).Replace('\\', '/'))
                    .Where(f => f.Contains(".copy.", StringComparison.Ordinal) == name.Contains(".copy.", StringComparison.Ordinal))
                    .Order(StringComparer.Ordinal).ToList();
            return same[(same.IndexOf(name) + 1) % same.Count];
        }
    }
}
