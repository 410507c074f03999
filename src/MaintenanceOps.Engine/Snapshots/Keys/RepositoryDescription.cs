using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots.Keys;

/// <summary>What <c>repository.json</c> says: readable without any key, and changed by a raise of the format alone.</summary>
internal sealed record RepositoryDescription : IChecked<RepositoryDescription>
{
    /// <summary>Format 2 has dooms, pending manifests and maps with a name of their own; nothing else differs.</summary>
    public const int CurrentFormat = 2;
    public const string ObjectName = "repository.json";

    public int Format { get; init; } = CurrentFormat;

    public string Id { get; init; } = "";

    public DateTimeOffset Created { get; init; }

    public bool Encrypted { get; init; }

    public string Hash { get; init; } = "sha256";

    public string Compression { get; init; } = "brotli";

    public string Check { get; init; } = "";

    public RepositoryDescription WithCheck(string check) => this with { Check = check };

    public static RepositoryDescription Read(JsonElement json) => new()
    {
        Format = json.GetProperty("format").GetInt32(),
        Id = json.GetProperty("id").GetString()!,
        Created = json.GetProperty("created").GetDateTimeOffset(),
        Encrypted = json.GetProperty("encrypted").GetBoolean(),
        Hash = json.GetProperty("hash").GetString()!,
        Compression = json.GetProperty("compression").GetString()!,
        Check = json.GetProperty("check").GetString()!,
    };
}

/// <summary>One passphrase: the repository's secret, wrapped by a key that is derived from the passphrase.</summary>
internal sealed record KeyDescription : IChecked<KeyDescription>
{
    /// <summary>OWASP asks for 210,000 rounds of PBKDF2 with SHA-512; this is about three times that.</summary>
    public const int DefaultIterations = 600_000;

    public string Id { get; init; } = "";

    /// <summary>The id of the repository, to which the wrapping is bound.</summary>
    public string Repository { get; init; } = "";

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

    public static KeyDescription Read(JsonElement json) => new()
    {
        Id = json.GetProperty("id").GetString()!,
        Repository = json.GetProperty("repository").GetString()!,
        Label = json.GetProperty("label").GetString()!,
        Created = json.GetProperty("created").GetDateTimeOffset(),
        Derivation = json.GetProperty("derivation").GetString()!,
        Iterations = json.GetProperty("iterations").GetInt32(),
        Salt = json.GetProperty("salt").GetBytesFromBase64(),
        Wrapped = json.GetProperty("wrapped").GetBytesFromBase64(),
        Check = json.GetProperty("check").GetString()!,
    };
}

/// <summary>A description that carries the hash of itself, so that damage is told from a wrong passphrase.</summary>
internal interface IChecked<T>
    where T : IChecked<T>
{
    string Check { get; }

    T WithCheck(string check);

    /// <summary>
    /// Takes the fields out of a parsed document. Every start of the program reads such an object, and the serializer's own
    /// way there costs tens of milliseconds of compilation.
    /// </summary>
    /// <exception cref="KeyNotFoundException">A field is missing.</exception>
    static abstract T Read(JsonElement json);
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

    /// <summary>Replaces the object and its copy, the copy first.</summary>
    public static void Replace<T>(IObjectStore store, string name, T value, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : IChecked<T>
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value.WithCheck(CheckOf(value, type)), type);
        store.Replace(CopyOf(name), bytes, cancellation);
        store.Replace(name, bytes, cancellation);
    }

    /// <summary>Reads the object or its copy. Returns false where neither exists; throws where all that exists is damaged.</summary>
    public static bool TryRead<T>(IObjectStore store, string name, out T? value, out bool repaired)
        where T : class, IChecked<T>
    {
        var main = store.Read(name);
        repaired = false;
        if (Parse(main, out value))
        {
            return true;
        }

        var copy = store.Read(CopyOf(name));
        if (Parse(copy, out value))
        {
            repaired = true;
            return true;
        }

        return main is null && copy is null
            ? false
            : throw new MaintenanceException(ErrorCode.RepositoryDamaged, $"'{name}' in {store.Location} is damaged, and so is its copy.", store.Location);
    }

    /// <summary>Whether an object is there and carries the right check.</summary>
    public static bool IsWhole(IObjectStore store, string name) => store.Read(name) is { } bytes && HasRightCheck(bytes);

    private static bool Parse<T>(byte[]? bytes, out T? value)
        where T : class, IChecked<T>
    {
        value = null;
        if (bytes is null || !HasRightCheck(bytes))
        {
            return false;
        }

        try
        {
            using var document = JsonDocument.Parse(bytes);
            value = T.Read(document.RootElement);
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    /// <summary>
    /// The check is over the bytes as they stand, with the check itself left out: a later version may add fields that
    /// this one does not know, and must still be told from damage.
    /// </summary>
    private static bool HasRightCheck(ReadOnlySpan<byte> bytes)
    {
        var at = bytes.LastIndexOf(CheckField);
        var value = at < 0 ? default : bytes[(at + CheckField.Length)..];
        return value.Length > CheckLength && CheckOf([.. bytes[..(at + CheckField.Length)], .. value[CheckLength..]]).AsSpan().SequenceEqual(
            System.Text.Encoding.ASCII.GetString(value[..CheckLength]));
    }

    private const int CheckLength = 32;

    private static ReadOnlySpan<byte> CheckField => "\"check\":\""u8;

    private static string CheckOf(ReadOnlySpan<byte> withoutCheck) => Convert.ToHexStringLower(SHA512.HashData(withoutCheck).AsSpan(0, CheckLength / 2));

    private static string CheckOf<T>(T value, JsonTypeInfo<T> type)
        where T : IChecked<T> => CheckOf(JsonSerializer.SerializeToUtf8Bytes(value.WithCheck(""), type));
}
