using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots.Keys;

/// <summary>What <c>repository.json</c> says: readable without any key, and never changed.</summary>
internal sealed record RepositoryDescription : IChecked<RepositoryDescription>
{
    public const int CurrentFormat = 1;
    public const string ObjectName = "repository.json";

    public int Format { get; init; } = CurrentFormat;

    public string Id { get; init; } = "";

    public DateTimeOffset Created { get; init; }

    public bool Encrypted { get; init; }

    public string Hash { get; init; } = "sha512/256";

    public string Compression { get; init; } = "brotli";

    public string Check { get; init; } = "";

    public RepositoryDescription WithCheck(string check) => this with { Check = check };
}

/// <summary>One passphrase: the repository's secret, wrapped by a key that is derived from the passphrase.</summary>
internal sealed record KeyDescription : IChecked<KeyDescription>
{
    /// <summary>OWASP asks for 210,000 rounds of PBKDF2 with SHA-512; this is about three times that.</summary>
    public const int DefaultIterations = 600_000;

    public string Id { get; init; } = "";

    public string Label { get; init; } = "";

    public DateTimeOffset Created { get; init; }

    public string Derivation { get; init; } = "pbkdf2-sha512";

    public int Iterations { get; init; } = DefaultIterations;

    public byte[] Salt { get; init; } = [];

    /// <summary>The secret under AES-256-GCM with a zero nonce (the key is used once) and the repository's id as associated data: ciphertext, then tag.</summary>
    public byte[] Wrapped { get; init; } = [];

    public string Check { get; init; } = "";

    public static string ObjectName(string id) => $"keys/{id}.json";

    public KeyDescription WithCheck(string check) => this with { Check = check };
}

/// <summary>A description that carries the hash of itself, so that damage is told from a wrong passphrase.</summary>
internal interface IChecked<T>
    where T : IChecked<T>
{
    string Check { get; }

    T WithCheck(string check);
}

/// <summary>
/// Reads and writes the plain JSON objects on which everything else hangs. Each is kept twice; one whole copy is enough.
/// </summary>
internal static class CheckedJson
{
    public static string CopyOf(string name) => name.Replace(".json", ".copy.json", StringComparison.Ordinal);

    public static bool Create<T>(IObjectStore store, string name, T value, JsonTypeInfo<T> type)
        where T : IChecked<T>
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value.WithCheck(CheckOf(value, type)), type);

        // The copy goes first: once the main object is there, so is its copy.
        store.Create(CopyOf(name), bytes);
        return store.Create(name, bytes);
    }

    /// <summary>Reads the object or its copy. Returns false where neither exists; throws where all that exists is damaged.</summary>
    public static bool TryRead<T>(IObjectStore store, string name, JsonTypeInfo<T> type, out T? value, out bool repaired)
        where T : class, IChecked<T>
    {
        var main = store.Read(name);
        repaired = false;
        if (Parse(main, type, out value))
        {
            return true;
        }

        var copy = store.Read(CopyOf(name));
        if (Parse(copy, type, out value))
        {
            repaired = true;
            return true;
        }

        return main is null && copy is null
            ? false
            : throw new MaintenanceException(ErrorCode.RepositoryDamaged, $"'{name}' in {store.Location} is damaged, and so is its copy.", store.Location);
    }

    /// <summary>Whether one of the two copies is there and undamaged.</summary>
    public static bool IsWhole(IObjectStore store, string name, bool isRepository) => isRepository
        ? Parse(store.Read(name), FormatJson.Default.RepositoryDescription, out _)
        : Parse(store.Read(name), FormatJson.Default.KeyDescription, out _);

    private static bool Parse<T>(byte[]? bytes, JsonTypeInfo<T> type, out T? value)
        where T : class, IChecked<T>
    {
        value = null;
        if (bytes is null)
        {
            return false;
        }

        try
        {
            value = JsonSerializer.Deserialize(bytes, type);
            return value is not null && value.Check == CheckOf(value, type);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string CheckOf<T>(T value, JsonTypeInfo<T> type)
        where T : IChecked<T> =>
        Convert.ToHexStringLower(SHA512.HashData(JsonSerializer.SerializeToUtf8Bytes(value.WithCheck(""), type)).AsSpan(0, 16));
}
