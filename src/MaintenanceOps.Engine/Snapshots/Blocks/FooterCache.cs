using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>
/// Keeps the ends of a remote repository's packs on this machine, sealed as they are in the store: the header, then the
/// footer with its trailer, one file a pack. Opening the repository then asks the store for a listing and for new packs
/// alone. Nothing here is trusted: a pack's name is the hash over these very bytes, so a damaged entry is only missing.
/// For a folder there is no cache; there, reading the entries back costs as much as reading the packs (500 packs: see
/// docs/storage.md).
/// </summary>
internal sealed class FooterCache
{
    /// <summary>Names another folder; <c>off</c> keeps nothing.</summary>
    public const string Variable = "MAINTENANCEOPS_CACHE";

    private readonly string folder;

    private FooterCache(string folder) => this.folder = folder;

    /// <summary>The cache of a repository; null where there is to be none.</summary>
    public static FooterCache? Of(Repository repository)
    {
        // The id names a folder, and it comes out of the store: nothing but an id may become a path.
        if (!repository.Store.IsRemote || Root() is not { } root || !Guid.TryParseExact(repository.Description.Id, "D", out var id))
        {
            return null;
        }

        return new FooterCache(Path.Combine(root, "footers", id.ToString("D")));
    }

    /// <summary>
    /// The header and the tail that the cache has of a pack; null where it has none, or where the object has another size
    /// or time than it had: then the store is asked again, so that a pack that was cut or written over is found.
    /// </summary>
    public (byte[] Header, byte[] Tail)? Find(string packId, StoredObject stored)
    {
        try
        {
            var file = new FileInfo(PathOf(packId));
            if (!file.Exists || file.LastWriteTimeUtc != TimeOf(stored))
            {
                return null;
            }

            var bytes = File.ReadAllBytes(file.FullName);
            return bytes.Length > ObjectHeader.Size + Pack.TrailerSize && bytes.Length <= stored.Size
                ? (bytes[..ObjectHeader.Size], bytes[ObjectHeader.Size..])
                : null;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return null;
        }
    }

    /// <summary>Keeps the end of a pack. A cache that cannot be written is no failure of anything.</summary>
    public void Keep(string packId, StoredObject stored, ReadOnlySpan<byte> header, ReadOnlySpan<byte> tail)
    {
        var temporary = Path.Combine(folder, $".{packId[..8]}-{Guid.NewGuid():N}");
        try
        {
            var needed = PackFooter.SealedLength(tail) + Pack.TrailerSize;
            MakeFolder();
            using (var file = new FileStream(temporary, Private()))
            {
                file.Write(header[..ObjectHeader.Size]);
                file.Write(tail[^needed..]);
            }

            File.SetLastWriteTimeUtc(temporary, TimeOf(stored));
            File.Move(temporary, PathOf(packId), overwrite: true);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            Remove(temporary);
        }
    }

    /// <summary>Drops what is kept of packs that are gone, and temporary files that nobody will finish.</summary>
    public void KeepOnly(IReadOnlySet<string> packIds)
    {
        try
        {
            var stale = DateTime.UtcNow.AddDays(-1);
            foreach (var file in new DirectoryInfo(folder).EnumerateFiles())
            {
                if (file.Name[0] == '.' ? file.CreationTimeUtc < stale : !packIds.Contains(file.Name))
                {
                    Remove(file.FullName);
                }
            }
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // Not made yet, or not readable: nothing to drop.
        }
    }

    private static string? Root()
    {
        var named = Environment.GetEnvironmentVariable(Variable);
        if (!string.IsNullOrWhiteSpace(named))
        {
            return named.Trim().Equals("off", StringComparison.OrdinalIgnoreCase) ? null : Path.GetFullPath(named);
        }

        if (OperatingSystem.IsWindows())
        {
            return Below(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), Path.Combine("MaintenanceOps", "Cache"));
        }

        // The specification of XDG_CACHE_HOME says that a relative path in it is to be ignored.
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        return Path.IsPathFullyQualified(cache ?? "")
            ? Below(cache!, "maintenanceops")
            : Below(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), Path.Combine(".cache", "maintenanceops"));
    }

    /// <summary>Null for a user without a home, such as a service's: it has no cache.</summary>
    private static string? Below(string folder, string name) => folder.Length == 0 ? null : Path.Combine(folder, name);

    private static DateTime TimeOf(StoredObject stored) => stored.Modified.UtcDateTime;

    private string PathOf(string packId) => Path.Combine(folder, packId);

    private void MakeFolder()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static FileStreamOptions Private()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // The next run tries again.
        }
    }
}
