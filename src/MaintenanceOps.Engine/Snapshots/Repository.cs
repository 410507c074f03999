using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Snapshots.Leases;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>An open repository: its store, its key, and the objects in it.</summary>
public sealed class Repository : IDisposable
{
    private readonly Dictionary<string, Manifest> manifests = [];
    private BlockIndex? index;
    private (string Id, PageMap Map)? lastBaseMap;

    private Repository(IObjectStore store, RepositoryDescription description, MasterKey key, TimeProvider time)
    {
        Store = store;
        Description = description;
        Key = key;
        Time = time;
    }

    /// <summary>Where it is: an absolute path or <c>s3://bucket/prefix</c>.</summary>
    public string Location => Store.Location;

    internal IObjectStore Store { get; }

    internal RepositoryDescription Description { get; }

    internal MasterKey Key { get; }

    internal TimeProvider Time { get; }

    /// <summary>All blocks; read from the packs' footers on first use.</summary>
    internal BlockIndex Index => index ??= new BlockIndex(new FooterReader(this).ReadAll(out _), DamagedPacks());

    /// <summary>Makes a repository.</summary>
    /// <param name="location">A folder that is missing or empty, or <c>s3://bucket/prefix</c>.</param>
    /// <param name="passphrase">Protects the content; null leaves it readable to who can read the store.</param>
    /// <param name="label">What the owner calls the passphrase.</param>
    /// <param name="time">The clock; the system's where it is null.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.RepositoryExists"/>, or a failure of the store.</exception>
    public static Repository Create(string location, Passphrase? passphrase, string label = "", TimeProvider? time = null) =>
        Create(ObjectStores.Open(location), passphrase, label, time ?? TimeProvider.System);

    /// <summary>Opens a repository.</summary>
    /// <param name="location">A path or <c>s3://bucket/prefix</c>.</param>
    /// <param name="passphrase">The passphrase of an encrypted one; where it is null, the environment is asked.</param>
    /// <param name="time">The clock; the system's where it is null.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.RepositoryNotFound"/>, <see cref="ErrorCode.PassphraseRequired"/>,
    /// <see cref="ErrorCode.PassphraseWrong"/>, <see cref="ErrorCode.RepositoryDamaged"/> or
    /// <see cref="ErrorCode.RepositoryTooNew"/>.
    /// </exception>
    public static Repository Open(string location, Passphrase? passphrase = null, TimeProvider? time = null) =>
        Open(ObjectStores.Open(location), passphrase, time ?? TimeProvider.System);

    /// <inheritdoc/>
    public void Dispose() => Store.Dispose();

    internal static Repository Create(IObjectStore store, Passphrase? passphrase, string label, TimeProvider time)
    {
        if (CheckedJson.TryRead(store, RepositoryDescription.ObjectName, out RepositoryDescription? _, out _))
        {
            throw new MaintenanceException(ErrorCode.RepositoryExists, $"{store.Location} is a repository already.", store.Location);
        }

        if (store is LocalObjectStore && Directory.Exists(store.Location) && Directory.EnumerateFileSystemEntries(store.Location).Any(e => !IsOurs(e)))
        {
            throw new MaintenanceException(ErrorCode.RepositoryExists, $"'{store.Location}' is not empty and no repository. Name a folder that is empty or does not exist.", store.Location);
        }

        var key = MasterKey.Public;
        var id = Guid.NewGuid().ToString("D");
        if (passphrase is null)
        {
            // Keys without a description are what an interrupted creation left; with one they would look like tampering.
            store.List("keys/").Select(o => o.Name).ToList().ForEach(store.Delete);
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

    /// <summary>Claims the repository for work beside others; prune waits for its end.</summary>
    internal Lease Share(string purpose, CancellationToken cancellation, TimeSpan? wait = null)
    {
        var lease = Lease.Share(Store, purpose, wait ?? TimeSpan.FromMinutes(10), cancellation);
        RefreshIndex();
        return lease;
    }

    /// <summary>Claims the repository for reading. A store that may only be read from can be read without a claim.</summary>
    internal IDisposable? ShareForReading(string purpose, CancellationToken cancellation)
    {
        try
        {
            return Share(purpose, cancellation);
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.AccessDenied or ErrorCode.DiskFull or ErrorCode.InputOutput)
        {
            return null;
        }
    }

    /// <summary>The ids of all manifests, readable or not.</summary>
    internal IEnumerable<string> ManifestIds() => Store.List("snapshots/").Select(o => o.Name["snapshots/".Length..]).Where(IsId);

    /// <summary>Reads one manifest.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotNotFound"/> or <see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    internal Manifest ReadManifest(string id)
    {
        if (manifests.TryGetValue(id, out var known))
        {
            return known;
        }

        var name = Manifest.ObjectName(id);
        var bytes = Store.Read(name) ?? throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{Location} has no snapshot '{id}'.", id);
        return manifests[id] = Unseal(ObjectKind.Manifest, name, id, bytes, content => Key.NameOf(content) == id
            ? Manifest.FromBytes(content)
            : throw new InvalidDataException("It is another manifest under this name."));
    }

    /// <summary>Writes a manifest; with it the snapshot exists.</summary>
    internal string Commit(Manifest manifest)
    {
        var content = manifest.ToBytes();
        var id = Key.NameOf(content);
        Store.Create(Manifest.ObjectName(id), SealedObject.Seal(Key, ObjectKind.Manifest, id, content));
        manifests[id] = manifest;
        return id;
    }

    /// <summary>Stores a map, where it is not there yet.</summary>
    /// <returns>Its id and the bytes that it added.</returns>
    internal (string Id, long Stored) StoreMap(byte[] content)
    {
        var id = Key.NameOf(content);
        var bytes = SealedObject.Seal(Key, ObjectKind.Map, id, content);
        if (Store.Create(PageMap.ObjectName(id), bytes))
        {
            return (id, bytes.Length);
        }

        try
        {
            _ = ReadMapBytes(id);
            return (id, 0);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            // The one object that may be replaced: its content is what its name says, and what was there is not.
            Store.Replace(PageMap.ObjectName(id), bytes);
            return (id, bytes.Length);
        }
    }

    /// <summary>Reads a map with its base.</summary>
    internal PageMap ReadMap(string id)
    {
        var content = ReadMapBytes(id);
        return Checked(PageMap.ObjectName(id), () => PageMap.BaseOf(content) is var baseId && baseId is not null && !IsId(baseId)
            ? throw new InvalidDataException("It names a base that cannot be.")
            : PageMap.Read(content, baseId is null ? null : ReadBaseMap(baseId)));
    }

    /// <summary>A whole map. The last one is remembered: many snapshots in a row differ from the same one.</summary>
    private PageMap ReadBaseMap(string id)
    {
        if (lastBaseMap is not { } known || known.Id != id)
        {
            lastBaseMap = known = (id, PageMap.Read(ReadMapBytes(id), null));
        }

        return known.Map;
    }

    /// <summary>Reads the map of a files snapshot's listing.</summary>
    internal List<(BlockId Id, int Length)> ReadListingMap(string id) =>
        Checked(PageMap.ObjectName(id), () => Files.Listing.ReadMap(ReadMapBytes(id)));

    /// <summary>The id of the map that this one is a difference to; null for a whole one.</summary>
    internal string? ReadMapBase(string id) => Checked(PageMap.ObjectName(id), () => PageMap.BaseOf(ReadMapBytes(id)));

    internal T Unseal<T>(ObjectKind kind, string name, string id, byte[] bytes, Func<byte[], T> parse) =>
        Checked(name, () => parse(SealedObject.Open(Key, kind, id, bytes)));

    /// <summary>
    /// Reads the index from the store alone, whatever this machine remembers, and uses it from now on: for whoever is to
    /// tell what the store has.
    /// </summary>
    internal IReadOnlyList<PackFooter> ReadIndexAfresh(out IReadOnlyList<DamagedPack> damaged)
    {
        var footers = new FooterReader(this, afresh: true).ReadAll(out damaged);
        index = new BlockIndex(footers, DamagedPacks());
        return footers;
    }

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
                index = null;
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
    internal void ForgetIndex() => index = null;

    /// <summary>Sixty-four hexadecimal digits; anything else in the folder, such as what a file manager leaves, is not ours.</summary>
    private static bool IsId(string name) => name.Length == 64 && name.All(char.IsAsciiHexDigitLower);

    /// <summary>
    /// Forgets the index where packs came or went since it was read. A repository stays open for a whole pipeline, in
    /// which one command writes the snapshot that the next one reads.
    /// </summary>
    internal void RefreshIndex()
    {
        if (index is not null && !Store.List("packs/").Select(o => o.Name).ToHashSet().SetEquals(index.Packs.Select(p => Pack.ObjectName(p.PackId))))
        {
            index = null;
        }
    }

    private byte[] ReadMapBytes(string id)
    {
        var name = PageMap.ObjectName(id);
        var bytes = Store.Read(name) ?? throw Damaged(name, "It is missing.", null);
        var content = Unseal(ObjectKind.Map, name, id, bytes, c => c);
        return Key.NameOf(content) == id ? content : throw Damaged(name, "It is another map under this name.", null);
    }

    private T Checked<T>(string name, Func<T> read)
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

    private MaintenanceException Damaged(string name, string why, Exception? inner) => new(
        ErrorCode.SnapshotDamaged,
        $"'{name}' in {Location} cannot be read. {why} Test-SnapshotRepository names the snapshots that it hurts.",
        name,
        inner);
}
