using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Looks at every object of a repository and tells which snapshots any damage hurts.</summary>
public sealed class RepositoryCheck(Repository repository, IOperationSink sink)
{
    /// <summary>Checks the repository. Findings stream as they are made; none means that all is well.</summary>
    /// <param name="level"><see cref="VerificationLevel.Quick"/> reads descriptions; <see cref="VerificationLevel.Full"/> reads every byte.</param>
    /// <param name="cancellation">Ends the check.</param>
    public IEnumerable<RepositoryFinding> Run(VerificationLevel level, CancellationToken cancellation = default)
    {
        using var lease = repository.ShareForReading("repository check", cancellation);
        var damagedBlocks = new HashSet<BlockId>();
        var findings = new List<RepositoryFinding>();
        findings.AddRange(CheckDescriptions());
        var footers = repository.ReadIndexAfresh(out var damagedPacks);
        var packs = damagedPacks.ToDictionary(d => d.ObjectName, d => d.Reason);
        foreach (var name in ShortPacks(footers))
        {
            packs.TryAdd(name, "It is shorter than its footer says.");
        }

        if (level >= VerificationLevel.Full)
        {
            ReadEverything(packs, damagedBlocks, cancellation);
            UpdateMarks(packs.Keys);
        }

        findings.AddRange(CheckTestRecords());
        var hurt = packs.Keys.ToDictionary(p => p, _ => new List<string>());
        foreach (var id in repository.ManifestIds().ToList())
        {
            cancellation.ThrowIfCancellationRequested();
            if (CheckSnapshot(id, damagedBlocks, hurt, cancellation) is { } finding)
            {
                findings.Add(finding);
            }
        }

        foreach (var (name, reason) in packs)
        {
            yield return Finding(
                FindingSeverity.Error,
                "PackDamaged",
                $"'{name}' is damaged: {reason} {(hurt[name].Count == 0 ? "What it held may be needed by snapshots named below." : $"{hurt[name].Count} snapshots need blocks in it.")}",
                name,
                hurt[name],
                "Copy the snapshots from another repository, or back up the sources again: what they still have is then stored anew.");
        }

        foreach (var finding in findings)
        {
            yield return finding;
        }
    }

    private IEnumerable<RepositoryFinding> CheckDescriptions()
    {
        foreach (var name in new[] { RepositoryDescription.ObjectName }.Concat(new KeyRing(repository.Store, repository.Description.Id).Ids().Select(KeyDescription.ObjectName)))
        {
            foreach (var copy in new[] { name, CheckedJson.CopyOf(name) })
            {
                if (!IsWhole(copy) && !IsWhole(name) && !IsWhole(CheckedJson.CopyOf(name)))
                {
                    yield return Finding(
                        FindingSeverity.Error,
                        "KeyLost",
                        $"'{copy}' is damaged, and so is its other copy: that passphrase opens nothing any more.",
                        copy,
                        [],
                        "Add the passphrase again with Add-SnapshotRepositoryKey, while another one still opens the repository.");
                }
                else if (!IsWhole(copy))
                {
                    yield return Finding(
                        FindingSeverity.Warning,
                        "DescriptionDamaged",
                        $"'{copy}' is missing or damaged; its other copy is whole.",
                        copy,
                        [],
                        $"Copy '{(copy == name ? CheckedJson.CopyOf(name) : name)}' over it.");
                }
            }
        }
    }

    private bool IsWhole(string name) => CheckedJson.IsWhole(repository.Store, name);

    /// <summary>Records of checks count for what they say only while their seals hold.</summary>
    private IEnumerable<RepositoryFinding> CheckTestRecords()
    {
        foreach (var stored in repository.Store.List("tests/").ToList())
        {
            if (SnapshotCatalog.TestName.Parse(stored.Name) is not { } name || !SnapshotCatalog.IsGenuine(repository, name, stored.Name))
            {
                yield return Finding(
                    FindingSeverity.Warning,
                    "TestRecordDamaged",
                    $"'{stored.Name}' is no record of a check that this repository made; it is ignored.",
                    stored.Name,
                    [],
                    "Remove it, and prove the snapshot again with Test-Snapshot.");
            }
        }
    }

    /// <summary>Marks are for packs with damage: new ones are set, and those that are sound again lose theirs.</summary>
    private void UpdateMarks(IEnumerable<string> damaged)
    {
        var ids = damaged.Select(n => n[(n.LastIndexOf('/') + 1)..]).ToHashSet();
        foreach (var id in ids)
        {
            repository.MarkDamaged(id);
        }

        foreach (var id in repository.DamagedPacks().Except(ids))
        {
            repository.ClearDamaged(id);
        }
    }

    private List<string> ShortPacks(IReadOnlyList<PackFooter> footers)
    {
        var sizes = repository.Store.List("packs/").ToDictionary(o => o.Name, o => o.Size);
        return [.. footers
            .Where(f => f.Frames.Length > 0 && sizes.GetValueOrDefault(Pack.ObjectName(f.PackId)) < f.Frames[^1].Offset + f.Frames[^1].StoredLength)
            .Select(f => Pack.ObjectName(f.PackId))];
    }

    private void ReadEverything(Dictionary<string, string> packs, HashSet<BlockId> damagedBlocks, CancellationToken cancellation)
    {
        long done = 0;
        var reader = new BlockReader(repository)
        {
            OnDamage = (pack, frame, damage) =>
            {
                lock (packs)
                {
                    packs.TryAdd(Pack.ObjectName(pack.PackId), damage.InnerException?.Message ?? damage.Message);
                    var entry = pack.Frames[frame];
                    damagedBlocks.UnionWith(pack.Ids.AsSpan(entry.FirstBlock, entry.BlockCount).ToArray());
                }
            },
        };
        reader.Read(
            Enumerable.Range(0, repository.Index.Count).ToArray(),
            (ReadOnlySpan<FrameBlock> _, ReadOnlySpan<byte> bytes) => sink.Progress($"Testing {repository.Location}", Interlocked.Add(ref done, bytes.Length), -1),
            cancellation);
    }

    private RepositoryFinding? CheckSnapshot(string id, HashSet<BlockId> damagedBlocks, Dictionary<string, List<string>> hurt, CancellationToken cancellation)
    {
        try
        {
            var manifest = repository.ReadManifest(id);
            var blocks = SnapshotBlocks.Of(repository, id, manifest, cancellation);
            var missing = 0;
            foreach (var block in blocks)
            {
                var ordinal = repository.Index.Find(block);
                var name = ordinal < 0 ? null : Pack.ObjectName(repository.Index.Locate(ordinal).Pack.PackId);
                var damaged = damagedBlocks.Contains(block);
                missing += ordinal < 0 || damaged ? 1 : 0;
                if (name is not null && hurt.TryGetValue(name, out var list) && (damaged || damagedBlocks.Count == 0) && (list.Count == 0 || list[^1] != id))
                {
                    list.Add(id);
                }
            }

            return missing == 0
                ? null
                : Finding(
                    FindingSeverity.Error,
                    "SnapshotDamaged",
                    $"Snapshot {id[..8]} of '{manifest.Source}' ({manifest.Created:yyyy-MM-dd HH:mm} UTC) has lost {missing} of {blocks.Count} blocks.",
                    Manifest.ObjectName(id),
                    [id],
                    "Restore what is left of it with -Include, or use another snapshot.");
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged)
        {
            return Finding(FindingSeverity.Error, "SnapshotDamaged", $"Snapshot {id[..Math.Min(8, id.Length)]} cannot be read: {e.Message}", e.Target ?? Manifest.ObjectName(id), [id], "Use another snapshot.");
        }
    }

    private RepositoryFinding Finding(FindingSeverity severity, string rule, string message, string name, IReadOnlyList<string> snapshots, string action) => new()
    {
        Severity = severity,
        Rule = rule,
        Message = message,
        ObjectName = name,
        Snapshots = snapshots,
        Action = action,
        Repository = repository.Location,
    };
}
