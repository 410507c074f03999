using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Looks at every object of a repository and tells which snapshots any damage hurts.</summary>
public sealed class RepositoryCheck(Repository repository, IOperationSink sink)
{
    private const string SnapshotDamaged = nameof(ErrorCode.SnapshotDamaged);

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
            ReadEverything(footers, packs, damagedBlocks, cancellation);
        }

        var ids = repository.ManifestIds().ToList();
        findings.AddRange(CheckTestRecords(ids));
        if (ids.Count == 0 && repository.Index.Count > 0)
        {
            findings.Add(Finding(
                FindingSeverity.Warning,
                "NoSnapshot",
                "There is content and no snapshot that leads to it.",
                "snapshots/",
                [],
                "If the last snapshot was removed, a prune with -Force frees the space. If not, the folder 'snapshots' is missing: look for it before anything else."));
        }

        var hurt = packs.Keys.ToDictionary(p => p, _ => new List<string>());
        foreach (var id in ids)
        {
            cancellation.ThrowIfCancellationRequested();
            var finding = CheckSnapshot(id, damagedBlocks, hurt, cancellation);
            Remember(id, level, finding);
            if (finding is not null)
            {
                findings.Add(finding);
            }
        }

        findings.AddRange(CheckLogArchives(level, cancellation));
        foreach (var (name, reason) in packs)
        {
            var needed = hurt[name].Count > 0 || findings.Exists(f => f.Rule == SnapshotDamaged);
            yield return Finding(
                needed ? FindingSeverity.Error : FindingSeverity.Warning,
                "PackDamaged",
                $"'{name}' is damaged: {reason} {(hurt[name].Count > 0 ? $"{hurt[name].Count} snapshots need what it held." : needed ? "What it held may be needed by snapshots named below." : "No snapshot needs what it held: it is sound elsewhere, or of no use.")}",
                name,
                hurt[name],
                needed
                    ? "Copy the snapshots from another repository, or back up the sources again: what they still have is then stored anew."
                    : "A prune removes it.");
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

    private IEnumerable<RepositoryFinding> CheckLogArchives(VerificationLevel level, CancellationToken cancellation) =>
        new WalArchiveCheck(repository, sink).Run(level, cancellation).SelectMany(state => state.Findings.Select(finding => Finding(
            FindingSeverity.Error,
            "WalArchiveBroken",
            $"The log of cluster {state.System}: {finding}",
            WalArchive.FolderOf(state.System),
            [],
            "Copy the archive from another repository, or take a new base backup: recoveries from it do not need what is missing.")));

    private bool IsWhole(string name) => CheckedJson.IsWhole(repository.Store, name);

    /// <summary>Records of checks count for what they say only while their seals hold.</summary>
    private IEnumerable<RepositoryFinding> CheckTestRecords(IReadOnlyCollection<string> ids)
    {
        var records = repository.Store.List("tests/").ToList();
        foreach (var lost in records.Select(r => r.Name.Split('/')[1]).Distinct().Except(ids).Except(new Prune.Tombstones(repository).All()))
        {
            yield return Finding(
                FindingSeverity.Error,
                "SnapshotLost",
                $"Snapshot {lost[..Math.Min(8, lost.Length)]} was tested once, and its manifest is gone: nobody removed it in the ordinary way.",
                $"snapshots/{lost}",
                [lost],
                "Bring the manifest back from a copy of the repository, and find out who can write to the store.");
        }

        foreach (var stored in records.Where(r => ids.Contains(r.Name.Split('/')[1])))
        {
            if (TestName.Parse(stored.Name) is not { } name || !TestRecords.IsGenuine(repository, name, stored.Name))
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

    /// <summary>
    /// What was found of a snapshot stands beside it from now on, so that a list shows it. That one is whole is only
    /// noted where something else was noted before.
    /// </summary>
    private void Remember(string id, VerificationLevel level, RepositoryFinding? finding)
    {
        if (finding is null && (level < VerificationLevel.Full || !IsNotedAsDamaged(id)))
        {
            return;
        }

        TestRecords.Write(
            repository,
            new TestRecord
            {
                Snapshot = id,
                Level = level,
                Passed = finding is null,
                Damaged = finding is not null,
                At = repository.Time.GetUtcNow(),
                Findings = finding is null ? [] : [finding.Message],
            },
            sink);
    }

    private bool IsNotedAsDamaged(string id) => new SnapshotCatalog(repository).Describe(id, repository.ReadManifest(id)).Damaged;

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

    private void ReadEverything(IReadOnlyList<PackFooter> footers, Dictionary<string, string> packs, HashSet<BlockId> damagedBlocks, CancellationToken cancellation)
    {
        long done = 0;
        var damagedFrames = new HashSet<(string PackId, int Frame)>();
        var reader = new BlockReader(repository)
        {
            OnDamage = (pack, frame, damage) =>
            {
                lock (packs)
                {
                    packs.TryAdd(Pack.ObjectName(pack.PackId), damage.InnerException?.Message ?? damage.Message);
                    var entry = pack.Frames[frame];
                    damagedFrames.Add((pack.PackId, frame));
                    damagedBlocks.UnionWith(pack.Ids.AsSpan(entry.FirstBlock, entry.BlockCount).ToArray());
                }
            },
        };
        reader.Read(
            Enumerable.Range(0, repository.Index.Count).ToArray(),
            (ReadOnlySpan<FrameBlock> _, ReadOnlySpan<byte> bytes) => sink.Progress($"Testing {repository.Location}", Interlocked.Add(ref done, bytes.Length), -1),
            cancellation);
        UpdateMarks(packs.Keys);

        // What was damaged in one pack and is sound in another is not lost.
        foreach (var pack in damagedBlocks.Count == 0 ? [] : footers)
        {
            for (var frame = 0; frame < pack.Frames.Length; frame++)
            {
                if (!damagedFrames.Contains((pack.PackId, frame)))
                {
                    damagedBlocks.ExceptWith(pack.Ids.AsSpan(pack.Frames[frame].FirstBlock, pack.Frames[frame].BlockCount).ToArray());
                }
            }
        }
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
                    SnapshotDamaged,
                    $"Snapshot {id[..8]} of '{manifest.Source}' ({manifest.Created:yyyy-MM-dd HH:mm} UTC) has lost {missing} of {blocks.Count} blocks.",
                    Manifest.ObjectName(id),
                    [id],
                    "Restore what is left of it with -Include, or use another snapshot.");
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged)
        {
            return Finding(FindingSeverity.Error, SnapshotDamaged, $"Snapshot {id[..Math.Min(8, id.Length)]} cannot be read: {e.Message}", e.Target ?? Manifest.ObjectName(id), [id], "Use another snapshot.");
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
