using System.Security.Cryptography;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots.Keys;

/// <summary>
/// The passphrases of a repository: each wraps the same secret, so adding or removing one rewrites no data. The wrapping
/// is bound to the repository's id, so a key that strayed in from elsewhere opens nothing.
/// </summary>
internal sealed class KeyRing(IObjectStore store, string repositoryId)
{
    private const int TagSize = 16;
    private const int SaltSize = 32;

    /// <summary>Each key that is tried costs most of a second; a store full of false ones must not cost hours.</summary>
    private const int MaxKeys = 64;

    private byte[] AssociatedData { get; } = System.Text.Encoding.ASCII.GetBytes(repositoryId);

    /// <summary>The keys that can be read; a check of the repository tells of the others.</summary>
    public IReadOnlyList<KeyDescription> List() => [.. Ids().Select(ReadOrNull).OfType<KeyDescription>()];

    /// <summary>The ids of all keys, readable or not.</summary>
    public IReadOnlyList<string> Ids() => [.. store.List("keys/")
        .Select(o => o.Name["keys/".Length..].Split('.')[0])
        .Where(id => id.Length == 16 && id.All(char.IsAsciiHexDigitLower))
        .Distinct()
        .Order(StringComparer.Ordinal)];

    public KeyDescription Add(MasterKey master, Passphrase passphrase, string label, TimeProvider time)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltSize);
        var wrapped = new byte[MasterKey.Size + TagSize];
        var key = new KeyDescription
        {
            Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)),
            Repository = repositoryId,
            Label = label,
            Created = time.GetUtcNow(),
            Salt = salt,
            Wrapped = wrapped,
        };
        using var cipher = new AesGcm(passphrase.Derive(salt, key.Iterations), TagSize);
        cipher.Encrypt(new byte[12], master.Secret, wrapped.AsSpan(0, MasterKey.Size), wrapped.AsSpan(MasterKey.Size), AssociatedData);
        CheckedJson.Create(store, KeyDescription.ObjectName(key.Id), key, FormatJson.Default.KeyDescription);
        return key;
    }

    public void Remove(string id)
    {
        var keys = List();
        if (keys.All(k => k.Id != id))
        {
            throw new MaintenanceException(ErrorCode.KeyNotRemovable, $"The repository has no key '{id}'. It has: {string.Join(", ", keys.Select(k => k.Id))}.", id);
        }

        if (keys.Count == 1)
        {
            throw new MaintenanceException(ErrorCode.KeyNotRemovable, $"'{id}' is the last key; without it nothing could be read any more. Add another one first.", id);
        }

        store.Delete(KeyDescription.ObjectName(id));
        store.Delete(CheckedJson.CopyOf(KeyDescription.ObjectName(id)));
    }

    /// <summary>Unwraps the repository's secret with the passphrase.</summary>
    public MasterKey Unlock(Passphrase passphrase)
    {
        var damaged = 0;
        foreach (var id in Ids().Take(MaxKeys))
        {
            try
            {
                if (CheckedJson.TryRead(store, KeyDescription.ObjectName(id), out KeyDescription? key, out _)
                    && TryUnwrap(key!, passphrase, out var master))
                {
                    return master!;
                }
            }
            catch (MaintenanceException e) when (e.Code == ErrorCode.RepositoryDamaged)
            {
                damaged++;
            }
        }

        throw damaged > 0
            ? new MaintenanceException(ErrorCode.RepositoryDamaged, $"{damaged} key(s) of {store.Location} are damaged in both copies, and the passphrase opens none of the others.", store.Location)
            : new MaintenanceException(ErrorCode.PassphraseWrong, $"The passphrase opens no key of {store.Location}.", store.Location);
    }

    private bool TryUnwrap(KeyDescription key, Passphrase passphrase, out MasterKey? master)
    {
        master = null;

        // The number of rounds comes from the store: a hostile one must not make us work for hours.
        if (key.Derivation != "pbkdf2-sha512" || key.Iterations is < 100_000 or > 10_000_000 || key.Salt is null || key.Wrapped?.Length != MasterKey.Size + TagSize)
        {
            return false;
        }

        var secret = new byte[MasterKey.Size];
        using var cipher = new AesGcm(passphrase.Derive(key.Salt, key.Iterations), TagSize);
        try
        {
            cipher.Decrypt(new byte[12], key.Wrapped.AsSpan(0, MasterKey.Size), key.Wrapped.AsSpan(MasterKey.Size), secret, AssociatedData);
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }

        master = new MasterKey(secret);
        return true;
    }

    private KeyDescription? ReadOrNull(string id)
    {
        try
        {
            return CheckedJson.TryRead(store, KeyDescription.ObjectName(id), out KeyDescription? key, out _) && key!.Id == id ? key : null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.RepositoryDamaged)
        {
            return null;
        }
    }
}
