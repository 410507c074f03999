using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Snapshots.Leases;
using MaintenanceOps.Engine.Snapshots.Prune;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>An open repository: its store, its key, and the objects in it.</summary>
public sealed class Repository : IDisposable
{
    private readonly Dictionary<string, Manifest> manifests = [];
    private readonly MapStore maps;
    private BlockIndex? index;

    private Repository(IObjectStore store, RepositoryDescription description, MasterKey key, TimeProvider time)
    {
        Store = store;
        Description = description;
        Key = key;
        Time = time;
        maps = new MapStore(this);
        Dooms = new Dooms(this);
        Commits = new Commits(this);
    }

    /// <summary>Where it is: an absolute path or <c>s3://bucket/prefix</c>.</summary>
    public string Location => Store.Location;

    internal IObjectStore Store { get; }

    internal RepositoryDescription Description { get; private set; }

    internal MasterKey Key { get; }

    internal TimeProvider Time { get; }

    /// <summary>What prunes have announced to remove.</summary>
    internal Dooms Dooms { get; }

    internal Commits Commits { get; }

    /// <summary>All blocks; read from the packs' footers on first use.</summary>
    internal BlockIndex Index => index ??= ReadIndex(afresh: false, out _, out _);

    /// <summary>Makes a repository.</summary>
    /// <param name="location">A folder that is missing or empty, or <c>s3://bucket/prefix</c>.</param>
    /// <param name="passphrase">Protects the content; null leaves it readable to who can read the store.</param>
    /// <param name="label">What the owner calls the passphrase.</param>
    /// <param name="time">The clock; the system's where it is null.</param>
    /// <param name="cancellation">Ends every wait for the store, as long as the repository is open.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.RepositoryExists"/>, or a failure of the store.</exception>
    public static Repository Create(string location, Passphrase? passphrase, string label = "", TimeProvider? time = null, CancellationToken cancellation = default) =>
        Create(ObjectStores.Open(location, cancellation), passphrase, label, time ?? TimeProvider.System);

    /// <summary>Opens a repository.</summary>
    /// <param name="location">A path or <c>s3://bucket/prefix</c>.</param>
    /// <param name="passphrase">The passphrase of an encrypted one; where it is null, the environment is asked.</param>
    /// <param name="time">The clock; the system's where it is null.</param>
    /// <param name="cancellation">Ends every wait for the store, as long as the repository is open.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.RepositoryNotFound"/>, <see cref="ErrorCode.PassphraseRequired"/>,
    /// <see cref="ErrorCode.PassphraseWrong"/>, <see cref="ErrorCode.RepositoryDamaged"/> or
    /// <see cref="ErrorCode.RepositoryTooNew"/>.
    /// </exception>
    public static Repository Open(string location, Passphrase? passphrase = null, TimeProvider? time = null, CancellationToken cancellation = default) =>
        Open(ObjectStores.Open(location, cancellation), passphrase, time ?? TimeProvider.System);

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();

    internal static Repository Create(IObjectStore store, Passphrase? passphrase, string label, TimeProvider time)
    {
        if (CheckedJson.TryRead(store, RepositoryDescription.ObjectName, out RepositoryDescription? _, out _))
        {
            throw new MaintenanceException(ErrorCode.RepositoryExists, $"{store.Location} is a repository already.", store.Location);
        }

        if (store is LocalObjectStore && RepositoryPlace.OuterOf(store.Location) is { } outer)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{store.Location}' lies in the repository '{outer}', which holds nothing but its own files. Give another folder.", store.Location);
        }

        if (store is LocalObjectStore && Directory.Exists(store.Location) && Directory.EnumerateFileSystemEntries(store.Location).Any(e => !IsOurs(e)))
        {
            throw new MaintenanceException(ErrorCode.RepositoryExists, $"'{store.Location}' is not empty and no repository. Name a folder that is empty or does not exist.", store.Location);
        }

        store.Prepare();
        var key = MasterKey.Public;
        var id = Guid.NewGuid().ToString("D");
        if (passphrase is null)
        {
            // Keys without a description are what an interrupted creation left; with one they would look like tampering.
            store.List("keys/").Select(o => o.Name).ToList().ForEach(name => store.Delete(name));
        }
        else
        {
            // The key is stored before the description: a repository that can be seen can be opened.
            key = MasterKey.Generate();
            new KeyRing(store, id).Add(key, passphrase, label, time);
        }

        var description = new RepositoryDescription { Id = id, Created = time.GetUtcNow(), Encrypted = passphrase is not null };
        if (!CheckedJson.Create(store, RepositoryDescription.ObjectName, description, FormatJson.Default.RepositoryDescription))
        {
            throw new MaintenanceException(ErrorCode.RepositoryExists, $"{store.Location} is a repository already.", store.Location);
        }

        return new Repository(store, description, key, time);
    }

    /// <summary>Whether an entry of a folder is what a creation that was interrupted left behind.</summary>
    private static bool IsOurs(string path) => Path.GetFileName(path) is "tmp" or "keys";

    internal static Repository Open(IObjectStore store, Passphrase? passphrase, TimeProvider time)
    {
        if (!CheckedJson.TryRead(store, RepositoryDescription.ObjectName, out RepositoryDescription? description, out _))
        {
            throw new MaintenanceException(
                ErrorCode.RepositoryNotFound,
                $"There is no repository at {store.Location}. Is its disk mounted? 'New-SnapshotRepository {store.Location}' or 'mops repo new' makes one, and so does a backup or copy with -Initialize.",
                store.Location);
        }

        if (description!.Format > RepositoryDescription.CurrentFormat)
        {
            throw new MaintenanceException(
                ErrorCode.RepositoryTooNew,
                $"{store.Location} has format {description.Format}; this version knows formats up to {RepositoryDescription.CurrentFormat}. Update MaintenanceOps.",
                store.Location);
        }

        // Who holds the store could declare an encrypted repository plain, to have the next backup in the clear. On this
        // machine's own disks a passphrase in the environment may be meant for another repository.
        var expected = passphrase ?? (store.IsRemote ? Passphrase.FromEnvironment() : null);
        if (!description.Encrypted && (expected is not null || store.List("keys/").Any()))
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"{store.Location} says that it is not encrypted, but {(expected is not null ? "a passphrase was given" : "it has keys")}. If it once was encrypted, somebody has tampered with it; otherwise leave the passphrase out.",
                store.Location);
        }

        var key = MasterKey.Public;
        if (description.Encrypted)
        {
            passphrase ??= Passphrase.FromEnvironment() ?? throw new MaintenanceException(
                ErrorCode.PassphraseRequired,
                $"{store.Location} is encrypted. Give -Passphrase, or set MAINTENANCEOPS_PASSPHRASE_FILE or MAINTENANCEOPS_PASSPHRASE.",
                store.Location);
            key = new KeyRing(store, description.Id).Unlock(passphrase);
        }

        return new Repository(store, description, key, time);
    }

    /// <summary>Claims the repository for work that writes, beside others; prune waits for its end.</summary>
    internal Lease Share(string purpose, CancellationToken cancellation, TimeSpan? wait = null)
    {
        var lease = Claim(purpose, wait, cancellation);
        try
        {
            Upgrade(cancellation);
            _ = Dooms.Require(cancellation);
            index?.ForgetRelied();
            Commits.Begin();
            return lease;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>Claims the repository for reading. A store that may only be read from can be read without a claim.</summary>
    internal IDisposable? ShareForReading(string purpose, CancellationToken cancellation)
    {
        try
        {
            return Claim(purpose, null, cancellation);
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.AccessDenied or ErrorCode.DiskFull or ErrorCode.InputOutput)
        {
            return Store.TryLock(alone: false);
        }
    }

    private Lease Claim(string purpose, TimeSpan? wait, CancellationToken cancellation)
    {
        var lease = Lease.Share(Store, purpose, wait ?? TimeSpan.FromMinutes(10), cancellation);
        RefreshIndex();
        return lease;
    }

    /// <summary>
    /// Gives a repository of format 1 the present one, before this version writes to it: versions that know no dooms must not
    /// work in a repository that has them.
    /// </summary>
    internal void Upgrade(CancellationToken cancellation)
    {
        if (Description.Format < RepositoryDescription.CurrentFormat)
        {
            var upgraded = Description with { Format = RepositoryDescription.CurrentFormat };
            CheckedJson.Replace(Store, RepositoryDescription.ObjectName, upgraded, FormatJson.Default.RepositoryDescription, cancellation);
            Description = upgraded;
        }
    }

    /// <summary>Throws where the location no longer leads to the repository that was opened.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.StoreUnavailable"/>.</exception>
    internal void RequireSame()
    {
        Store.RequireSamePlace();
        if (!CheckedJson.TryRead(Store, RepositoryDescription.ObjectName, out RepositoryDescription? now, out _) || now!.Id != Description.Id)
        {
            throw new MaintenanceException(
                ErrorCode.StoreUnavailable,
                $"{Location} no longer holds the repository that was opened: its disk was taken away, or another one was put there. Nothing counts as stored. Run it again when it is back.",
                Location);
        }
    }

    /// <summary>The ids of all manifests, readable or not. What a prune has put in place of one that never came is none.</summary>
    internal IEnumerable<string> ManifestIds() => Store.List("snapshots/")
        .Where(o => o.Size != Manifest.Revoked.Length || Store.Read(o.Name)?.AsSpan().SequenceEqual(Manifest.Revoked) != true)
        .Select(o => o.Name["snapshots/".Length..])
        .Where(IsId);

    /// <summary>Reads one manifest.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotNotFound"/> or <see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    internal Manifest ReadManifest(string id)
    {
        if (manifests.TryGetValue(id, out var known))
        {
            return known;
        }

        var name = Manifest.ObjectName(id);
        return manifests[id] = Twice(() => Unseal(
            ObjectKind.Manifest,
            name,
            id,
            Store.Read(name) ?? throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{Location} has no snapshot '{id}'.", id),
            content => Key.NameOf(content) == id
                ? Manifest.FromBytes(content)
                : throw new InvalidDataException("It is another manifest under this name.")));
    }

    /// <summary>Writes a manifest; with it the snapshot exists.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.LeaseLost"/>, <see cref="ErrorCode.StoreUnavailable"/>.</exception>
    internal string Commit(Manifest manifest, CancellationToken cancellation = default)
    {
        var id = Commits.Run(manifest, cancellation);
        manifests[id] = manifest;
        return id;
    }

    /// <inheritdoc cref="MapStore.Store"/>
    internal (string Id, long Stored) StoreMap(byte[] content) => maps.Store(content);

    /// <inheritdoc cref="MapStore.Read"/>
    internal PageMap ReadMap(string id) => maps.Read(id);

    /// <inheritdoc cref="MapStore.ReadListing"/>
    internal List<(BlockId Id, int Length)> ReadListingMap(string id) => maps.ReadListing(id);

    /// <inheritdoc cref="MapStore.BaseOf"/>
    internal string? ReadMapBase(string id) => maps.BaseOf(id);

    internal T Unseal<T>(ObjectKind kind, string name, string id, byte[] bytes, Func<byte[], T> parse) =>
        Checked(name, () => parse(SealedObject.Open(Key, kind, id, bytes)));

    /// <summary>
    /// Reads the index from the store alone, whatever this machine remembers, and uses it from now on: for whoever is to
    /// tell what the store has.
    /// </summary>
    internal IReadOnlyList<PackFooter> ReadIndexAfresh(out IReadOnlyList<DamagedPack> damaged)
    {
        DropIndex();
        index = ReadIndex(afresh: true, out var footers, out damaged);
        return footers;
    }

    /// <summary>Reads the index once more, where nothing that was read before can have changed but dooms and the presence of packs.</summary>
    internal void ReadIndexAgain(out IReadOnlyList<DamagedPack> damaged)
    {
        DropIndex();
        index = ReadIndex(afresh: false, out _, out damaged);
    }

    /// <summary>The dooms are listed before the packs: a pack that is there afterwards and was not doomed before can be built on.</summary>
    private BlockIndex ReadIndex(bool afresh, out IReadOnlyList<PackFooter> footers, out IReadOnlyList<DamagedPack> damaged)
    {
        var doomed = Dooms.PacksAmong(DoomedNames());
        footers = new FooterReader(this, afresh).ReadAll(out damaged);
        return new BlockIndex(footers, DamagedPacks(), doomed);
    }

    /// <summary>What is doomed now, as far as the records can be read.</summary>
    internal HashSet<string> DoomedNames() => Dooms.NamesOf(Dooms.Read());

    /// <summary>The packs of the present index in which something was found to build on.</summary>
    internal IEnumerable<string> ReliedInIndex() => index?.Relied ?? [];

    /// <summary>
    /// Remembers in the repository that damage was found in a pack. Backups then store its blocks anew where the source
    /// still has them, and reads prefer other copies.
    /// </summary>
    internal void MarkDamaged(string packId)
    {
        try
        {
            if (Store.Create(DamagedFolder + packId, []))
            {
                DropIndex();
            }
        }
        catch (MaintenanceException)
        {
            // A store that cannot be written to now; the damage is found again by the next who reads there.
        }
    }

    /// <summary>Takes the mark back, after all of the pack was read and found sound.</summary>
    internal void ClearDamaged(string packId) => Store.Delete(DamagedFolder + packId);

    internal HashSet<string> DamagedPacks() => [.. Store.List(DamagedFolder).Select(o => o.Name[DamagedFolder.Length..])];

    private const string DamagedFolder = "damaged/";

    /// <summary>Forgets the index, so that the next use reads it anew: after packs came or went.</summary>
    internal void ForgetIndex() => DropIndex();

    private void DropIndex(bool really = true)
    {
        if (really && index is { } dropped)
        {
            Commits.Note(dropped.Relied);
            index = null;
        }
    }

    /// <summary>Sixty-four hexadecimal digits; anything else in the folder, such as what a file manager leaves, is not ours.</summary>
    internal static bool IsId(string name) => name.Length == 64 && name.All(char.IsAsciiHexDigitLower);

    /// <summary>
    /// Forgets the index where packs came or went since it was read. A repository stays open for a whole pipeline, in
    /// which one command writes the snapshot that the next one reads.
    /// </summary>
    internal void RefreshIndex() => DropIndex(index is not null && IsStale(index));

    private bool IsStale(BlockIndex known) =>
        !Dooms.PacksAmong(DoomedNames()).SetEquals(known.Doomed)
        || !Store.List("packs/").Select(o => o.Name).ToHashSet().SetEquals(known.Packs.Select(p => Pack.ObjectName(p.PackId)));

    /// <summary>What arrives damaged from a remote store is fetched once more: the damage may lie on the way.</summary>
    internal T Twice<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (MaintenanceException e) when (Store.IsRemote && e.Code == ErrorCode.SnapshotDamaged)
        {
            return read();
        }
    }

    internal T Checked<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or OverflowException)
        {
            throw Damaged(name, e.Message, e);
        }
    }

    internal MaintenanceException Damaged(string name, string why, Exception? inner) => new(
        ErrorCode.SnapshotDamaged,
        $"'{name}' in {Location} cannot be read. {why} Test-SnapshotRepository names the snapshots that it hurts.",
        name,
        inner);
}
