#!/usr/bin/env dotnet
// Restores snapshots from a MaintenanceOps repository without MaintenanceOps: this file and the .NET SDK are enough.
//
//   dotnet run rescue.cs -- REPO                        lists the snapshots
//   dotnet run rescue.cs -- REPO SNAPSHOT DEST          restores one
//   dotnet run rescue.cs -- REPO wal                    lists the files of PostgreSQL's log, by their names alone
//   dotnet run rescue.cs -- REPO wal CLUSTER DEST       restores those of one cluster
//
// REPO is a folder. SNAPSHOT is an id, the beginning of one, 'latest' (the newest), 'latest:SOURCE' (the newest of one
// source) or 'maps/ID' (a map whose manifest is lost). DEST must not exist; a folder may exist if it is empty. The
// passphrase of an encrypted repository is taken from the file that MAINTENANCEOPS_PASSPHRASE_FILE names, else from
// MAINTENANCEOPS_PASSPHRASE. It exits with 0 when all was restored, with 1 when something is lost (it says what, and
// restores the rest), with 2 when it cannot begin: wrong usage, no repository, wrong passphrase, no such snapshot.
//
// CLUSTER is the number that 'wal' lists, as pg_controldata prints it. A file of the log arrives whole or not at all,
// and DEST then serves a recovery: restore_command = 'cp DEST/%f %p', if the server's user may read the files.
//
// It is written from docs/repository-format.md, whose section numbers stand in the comments, and reads as an example
// of it. It never writes into the repository and takes no lease: do not prune while it runs.
//
// The properties keep a build around this file from changing how it is built: no native compiler, no analyzers.
#:property PublishAot=false
#:property Nullable=enable
#:property ImplicitUsings=enable
#:property InvariantGlobalization=true
#:property TreatWarningsAsErrors=false
#:property RunAnalyzers=false
#:property ConcurrentGarbageCollection=false

using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;

try
{
    if (args is not ([_] or [_, "wal"] or [_, _, _] or [_, "wal", _, _]) || args[0] is "-h" or "--help")
        throw new Refusal("Usage: dotnet run rescue.cs -- REPO [SNAPSHOT DEST | wal [CLUSTER DEST]]");

    var repository = Repository.Open(Path.GetFullPath(args[0]));
    return args.Length switch
    {
        1 => Rescue.List(repository),
        2 => Rescue.ListLog(repository),
        3 => Rescue.Restore(repository, args[1], Path.GetFullPath(args[2])),
        _ => Rescue.RestoreLog(repository, args[2], Path.GetFullPath(args[3])),
    };
}
catch (Exception e) when (e is Refusal or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (Damage e)
{
    Console.Error.WriteLine($"LOST: {e.Message}");
    return 1;
}

/// <summary>It cannot begin.</summary>
sealed class Refusal(string message) : Exception(message);

/// <summary>Something in the repository is not what it was.</summary>
sealed class Damage(string message) : Exception(message);

/// <summary>The name of a block: the first 160 bits of the SHA-256 of its bytes (section 5).</summary>
readonly record struct BlockId(ulong A, ulong B, uint C)
{
    public static BlockId Of(ReadOnlySpan<byte> hash) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash[8..]), BinaryPrimitives.ReadUInt32LittleEndian(hash[16..]));
}

/// <summary>Reads numbers, ids and byte strings (section 2). No length is believed that the bytes do not bear out.</summary>
ref struct Reader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> rest = bytes;

    public readonly int Left => rest.Length;

    public ReadOnlySpan<byte> Take(long count)
    {
        if (count < 0 || count > rest.Length)
            throw new Damage("an object ends too early");

        var taken = rest[..(int)count];
        rest = rest[(int)count..];
        return taken;
    }

    public byte Byte() => Take(1)[0];

    public ulong Number()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }

        throw new Damage("a number is too long");
    }

    public long Long() => Number() is <= long.MaxValue and var n ? (long)n : throw new Damage("a number is too large");

    /// <summary>A number of things that take at least so many bytes each.</summary>
    public int Count(int unit) => Long() is var n && n <= rest.Length / unit ? (int)n : throw new Damage("a count is too large");

    public long Signed() => Number() is var n ? (long)(n >> 1) ^ -(long)(n & 1) : 0;

    public byte[] String() => Take(Long()).ToArray();

    public BlockId Id() => BlockId.Of(Take(20));
}

/// <summary>The objects, their keys and their seals (sections 1 to 4).</summary>
sealed class Repository(string root, byte[] secret)
{
    private readonly byte[] nameKey = HKDF.DeriveKey(HashAlgorithmName.SHA512, secret, 32, [], "maintenanceops/1/name"u8.ToArray());

    public static Repository Open(string root)
    {
        var at = (string name) => Path.Combine(root, name);
        if (!File.Exists(at("repository.json")) && !File.Exists(at("repository.copy.json")))
            throw new Refusal($"There is no repository at {root}.");

        var description = Described(root, "repository") ?? throw new Damage("repository.json and its copy are damaged. Both can be written anew by hand: see the format's section 3.");
        if (description.GetProperty("format").GetInt32() is not (1 or 2))
            throw new Refusal("The repository has a format that this program does not know.");

        var passphrase = Passphrase();
        if (!description.GetProperty("encrypted").GetBoolean())
        {
            if (passphrase is not null || Directory.Exists(at("keys")))
                Console.Error.WriteLine("Note: a passphrase or keys are there, but repository.json says that nothing is encrypted.");

            return new Repository(root, new byte[32]);
        }

        if (passphrase is null)
            throw new Refusal("The repository is encrypted. Set MAINTENANCEOPS_PASSPHRASE_FILE or MAINTENANCEOPS_PASSPHRASE.");

        var damaged = 0;
        var ids = Directory.Exists(at("keys")) ? Directory.GetFiles(at("keys"), "*.json").Select(f => Path.GetFileName(f).Split('.')[0]).Distinct() : [];
        foreach (var id in ids)
        {
            if (Described(root, $"keys/{id}") is not { } key)
                damaged++;
            else if (Unwrap(key, passphrase, key.GetProperty("repository").GetString() ?? "") is { } secret)
                return new Repository(root, secret);
        }

        throw damaged > 0
            ? new Damage($"{damaged} key(s) are damaged in both copies, and the passphrase opens none of the others.")
            : new Refusal("The passphrase opens no key of the repository.");
    }

    public IEnumerable<string> Names(string folder) => Objects(folder).Select(n => n[(n.LastIndexOf('/') + 1)..]).Where(IsId).Order(StringComparer.Ordinal);

    /// <summary>The whole names of the objects below a folder, and of whatever else lies there.</summary>
    public IEnumerable<string> Objects(string folder) => !Directory.Exists(Path.Combine(root, folder)) ? [] : Directory
        .EnumerateFiles(Path.Combine(root, folder), "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(root, f).Replace(Path.DirectorySeparatorChar, '/'));

    public FileStream? TryOpen(string name)
    {
        try
        {
            return new FileStream(Path.Combine(root, name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Section 4: header (40 bytes), ciphertext, tag (16). The seal covers the header and the object's id.</summary>
    public byte[] ReadSealed(char kind, string folder, string id)
    {
        var name = $"{folder}/{id}";
        byte[] bytes;
        using (var file = TryOpen(name) ?? throw new Damage($"{name} is missing"))
        {
            bytes = ReadAt(file, 0, checked((int)Math.Min(file.Length, int.MaxValue - 64)), name);
        }

        RequireHeader(bytes, kind, name);
        var body = Unseal(bytes.AsSpan(0, 40), bytes.AsSpan(40), 0, [.. bytes[..40], .. Encoding.ASCII.GetBytes(id)], name);
        if (body.Length < 5 || BinaryPrimitives.ReadUInt32LittleEndian(body.AsSpan(1)) is var length && length > 1 << 30)
            throw new Damage($"{name} is too short, or claims to be too long");

        return Unpack(body[0], body.AsSpan(5), (int)length, name);
    }

    /// <summary>A map is right only if its content has the hash that is its name (section 4.2).</summary>
    public byte[] ReadMap(string id)
    {
        var content = ReadSealed('M', "maps", id);
        if (Convert.ToHexStringLower(HMACSHA512.HashData(nameKey, content).AsSpan(0, 32)) != id)
            throw new Damage($"maps/{id} is another map");

        // Since format 2 a map begins with 3 and sixteen random bytes, so that its name is new (section 6).
        return content is [3, ..] ? content[Math.Min(content.Length, 17)..] : content;
    }

    /// <summary>Opens one AES-256-GCM seal: the key is derived from the header's salt and kind, the nonce is a number.</summary>
    public byte[] Unseal(ReadOnlySpan<byte> header, ReadOnlySpan<byte> ciphertextAndTag, uint number, byte[] associated, string name)
    {
        if (ciphertextAndTag.Length < 16)
            throw new Damage($"{name} is cut short");

        var key = HKDF.DeriveKey(HashAlgorithmName.SHA512, secret, 32, header[8..40].ToArray(), [.. "maintenanceops/1/"u8, header[5]]);
        var nonce = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, number);
        var plain = new byte[ciphertextAndTag.Length - 16];
        try
        {
            using var cipher = new AesGcm(key, 16);
            cipher.Decrypt(nonce, ciphertextAndTag[..^16], ciphertextAndTag[^16..], plain, associated);
            return plain;
        }
        catch (CryptographicException)
        {
            throw new Damage($"the seal of {name} is broken");
        }
    }

    public static void RequireHeader(ReadOnlySpan<byte> bytes, char kind, string name)
    {
        if (bytes.Length < 40 || !bytes[..4].SequenceEqual("MOPS"u8) || bytes[4] != 1 || bytes[5] != kind || bytes[6] != 0 || bytes[7] != 0)
            throw new Damage($"{name} does not begin as it should");
    }

    public static byte[] Unpack(byte compression, ReadOnlySpan<byte> packed, int length, string name)
    {
        var raw = new byte[length];
        return compression switch
        {
            0 when packed.Length == length => packed.ToArray(),
            1 when BrotliDecoder.TryDecompress(packed, raw, out var written) && written == length => raw,
            2 when Join(packed, raw) => raw,
            _ => throw new Damage($"the compressed content of {name} is wrong"),
        };
    }

    /// <summary>Compression 2: a bitmap of 256-byte segments, the stored ones, then the others as one stream (section 4.2).</summary>
    private static bool Join(ReadOnlySpan<byte> packed, Span<byte> raw)
    {
        const int Segment = 256;
        var bitmap = packed[..Math.Min(packed.Length, (((raw.Length + Segment - 1) / Segment) + 7) / 8)].ToArray();
        bool IsStored(int at) => at / Segment / 8 < bitmap.Length && (bitmap[at / Segment / 8] >> (at / Segment % 8) & 1) == 1;
        var stored = 0;
        for (var at = 0; at < raw.Length; at += Segment)
            stored += IsStored(at) ? Math.Min(Segment, raw.Length - at) : 0;
        if (stored > packed.Length - bitmap.Length)
            return false;

        var others = new byte[raw.Length - stored];
        if (!BrotliDecoder.TryDecompress(packed[(bitmap.Length + stored)..], others, out var written) || written != others.Length)
            return false;

        var plain = packed.Slice(bitmap.Length, stored);
        var rest = others.AsSpan();
        for (var at = 0; at < raw.Length; at += Segment)
        {
            var length = Math.Min(Segment, raw.Length - at);
            if (IsStored(at))
            {
                plain[..length].CopyTo(raw[at..]);
                plain = plain[length..];
            }
            else
            {
                rest[..length].CopyTo(raw[at..]);
                rest = rest[length..];
            }
        }

        return true;
    }

    public static byte[] ReadAt(FileStream file, long offset, int count, string name)
    {
        try
        {
            var bytes = new byte[count];
            file.Position = offset;
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (IOException e)
        {
            throw new Damage($"{name} cannot be read to its end ({e.Message})");
        }
    }

    private static bool IsId(string name) => name.Length == 64 && name.All(char.IsAsciiHexDigitLower);

    /// <summary>Section 3: plain JSON in two copies, each with a hash of itself in its last field.</summary>
    private static JsonElement? Described(string root, string name)
    {
        foreach (var path in new[] { $"{name}.json", $"{name}.copy.json" }.Select(n => Path.Combine(root, n)).Where(File.Exists))
        {
            var bytes = File.ReadAllBytes(path);
            var at = bytes.AsSpan().LastIndexOf("\"check\":\""u8) + 9;
            if (at >= 9 && at + 32 <= bytes.Length
                && Convert.ToHexStringLower(SHA512.HashData([.. bytes[..at], .. bytes[(at + 32)..]]).AsSpan(0, 16)) == Encoding.ASCII.GetString(bytes, at, 32))
            {
                return JsonDocument.Parse(bytes).RootElement;
            }

            Console.Error.WriteLine($"Note: {path} is damaged.");
        }

        return null;
    }

    private static byte[]? Unwrap(JsonElement key, byte[] passphrase, string repository)
    {
        var iterations = key.GetProperty("iterations").GetInt32();
        var wrapped = key.GetProperty("wrapped").GetBytesFromBase64();
        if (key.GetProperty("derivation").GetString() != "pbkdf2-sha512" || iterations is < 100_000 or > 10_000_000 || wrapped.Length != 48)
            return null;

        var secret = new byte[32];
        using var cipher = new AesGcm(Rfc2898DeriveBytes.Pbkdf2(passphrase, key.GetProperty("salt").GetBytesFromBase64(), iterations, HashAlgorithmName.SHA512, 32), 16);
        try
        {
            cipher.Decrypt(new byte[12], wrapped.AsSpan(0, 32), wrapped.AsSpan(32), secret, Encoding.ASCII.GetBytes(repository));
            return secret;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private static byte[]? Passphrase()
    {
        if (Environment.GetEnvironmentVariable("MAINTENANCEOPS_PASSPHRASE_FILE") is { Length: > 0 } file)
            return File.ReadAllBytes(file).AsSpan().TrimEnd("\r\n"u8).ToArray();

        return Environment.GetEnvironmentVariable("MAINTENANCEOPS_PASSPHRASE") is { Length: > 0 } text ? Encoding.UTF8.GetBytes(text) : null;
    }
}

/// <summary>
/// The blocks that are wanted, and the walk through the packs that finds them (section 5). A block that is damaged in
/// one pack is taken from another one that has it too.
/// </summary>
sealed class Blocks
{
    private readonly Dictionary<BlockId, int> numbers = [];

    /// <summary>The SHA-256 of each block that was found; null for one that was not.</summary>
    public List<byte[]?> Digests { get; } = [];

    public int Want(BlockId id)
    {
        if (numbers.TryAdd(id, Digests.Count))
            Digests.Add(null);

        return numbers[id];
    }

    public void Fetch(Repository repository, Action<int, byte[]> found)
    {
        foreach (var id in repository.Names("packs"))
        {
            var name = $"packs/{id[..2]}/{id}";
            try
            {
                using var file = repository.TryOpen(name) ?? throw new Damage($"{name} is not where its name says");
                FetchFrom(repository, file, name, id, found);
            }
            catch (Exception e) when (e is Damage or IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"Note: {e.Message}");
            }
        }
    }

    private void FetchFrom(Repository repository, FileStream file, string name, string id, Action<int, byte[]> found)
    {
        var pack = new Pack(repository, file, 'P', name, id);
        var first = 0;
        for (var f = 0; f < pack.Frames.Length; first += pack.Frames[f].Blocks, f++)
        {
            var wanted = new List<(int Number, long At, int Length)>();
            long at = 0;
            for (var b = first; b < first + pack.Frames[f].Blocks; at += pack.Lengths[b++])
            {
                if (numbers.TryGetValue(BlockId.Of(pack.Ids.AsSpan(b * 20)), out var number) && Digests[number] is null)
                    wanted.Add((number, at, pack.Lengths[b]));
            }

            if (wanted.Count > 0)
                TakeFrame(pack, f, wanted, found);
        }
    }

    private void TakeFrame(Pack pack, int frame, List<(int Number, long At, int Length)> wanted, Action<int, byte[]> found)
    {
        try
        {
            var raw = pack.ReadFrame(frame);
            foreach (var (index, at, length) in wanted)
            {
                var block = at + length <= raw.Length ? raw.AsSpan((int)at, length).ToArray() : throw new Damage($"{pack.NameOf(frame)} is shorter than its blocks");
                var digest = SHA256.HashData(block);
                if (!numbers.TryGetValue(BlockId.Of(digest), out var same) || same != index)
                    throw new Damage($"a block in {pack.NameOf(frame)} does not have the hash that is its name");

                if (Digests[index] is null)
                {
                    Digests[index] = digest;
                    found(index, block);
                }
            }
        }
        catch (Damage e)
        {
            Console.Error.WriteLine($"Note: {e.Message}");
        }
    }
}

/// <summary>A pack, or a file of the log, which is laid out like one (sections 5 and 18): what its end tells, and its frames.</summary>
sealed class Pack
{
    private readonly Repository repository;
    private readonly FileStream file;
    private readonly string name;
    private readonly byte[] header;

    /// <summary>Reads the end: sealed footer, its length, "SPOM". A pack's id is the hash of the header and of all that end.</summary>
    public Pack(Repository repository, FileStream file, char kind, string name, string? id)
    {
        (this.repository, this.file, this.name) = (repository, file, name);
        header = Repository.ReadAt(file, 0, 40, name);
        Repository.RequireHeader(header, kind, name);
        var trailer = Repository.ReadAt(file, Math.Max(0, file.Length - 8), 8, name);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        if (!trailer.AsSpan(4).SequenceEqual("SPOM"u8) || length > Math.Min(file.Length - 48, Array.MaxLength))
            throw new Damage($"{name} does not end like a pack");

        var end = Repository.ReadAt(file, file.Length - 8 - length, (int)length, name);
        if (id is not null && Convert.ToHexStringLower(SHA256.HashData([.. header, .. end, .. trailer])) != id)
            throw new Damage($"the footer of {name} is damaged");

        var footer = new Reader(repository.Unseal(header, end, uint.MaxValue, [.. header, 255, 255, 255, 255], $"the footer of {name}"));
        Frames = new (long, int, int, byte, int, byte[])[footer.Count(20)];
        var offset = 40L;
        for (var f = 0; f < Frames.Length; offset += Frames[f++].Stored)
        {
            var (stored, raw) = (footer.Long(), footer.Long());
            if (raw > 256 * 1024 || stored is < 16 or > (256 * 1024) + 16)
                throw new Damage($"{NameOf(f)} has an impossible length");

            Frames[f] = (offset, (int)stored, (int)raw, footer.Byte(), footer.Count(1), footer.Take(16).ToArray());
        }

        Lengths = new int[Frames.Sum(f => (long)f.Blocks) is var total && total <= footer.Left ? total : throw new Damage($"the footer of {name} lists too many blocks")];
        for (var i = 0; i < Lengths.Length; i++)
            Lengths[i] = footer.Long() is <= 256 * 1024 and var bytes ? (int)bytes : throw new Damage($"the footer of {name} lists a block that is too long");

        Ids = footer.Take(Lengths.Length * 20L).ToArray();
    }

    public (long Offset, int Stored, int Raw, byte Compression, int Blocks, byte[] Tag)[] Frames { get; }

    /// <summary>The length of each block, frame by frame.</summary>
    public int[] Lengths { get; }

    /// <summary>The id of each block, twenty bytes each, in the same order.</summary>
    public byte[] Ids { get; }

    public string NameOf(int frame) => $"frame {frame} of {name}";

    public byte[] ReadFrame(int number)
    {
        // The tag is taken from the footer, for which the pack's name or the footer's own seal vouches; the copy behind
        // the frame is not needed.
        var frame = Frames[number];
        byte[] stored = [.. Repository.ReadAt(file, frame.Offset, frame.Stored, NameOf(number))[..^16], .. frame.Tag];
        var packed = repository.Unseal(header, stored, (uint)number, [.. header, .. BitConverter.GetBytes(number)], NameOf(number));
        return Repository.Unpack(frame.Compression, packed, frame.Raw, NameOf(number));
    }
}

/// <summary>Where a block belongs: the block's number, the file's number, the offset in it and the length there.</summary>
readonly record struct Place(int Block, int File, long Offset, long Length);

/// <summary>
/// One entry of a listing (section 7), without its extents; <c>Path</c> is relative and safe to use here. <c>Kind</c> is an
/// upper-case letter, and of the kinds of section 7.1 P, S, C or B.
/// </summary>
sealed record Entry(char Kind, string Path, byte[] RawName, string Shown, int Mode, long User, long Group, long Size, byte[] Target)
{
    public long Lost { get; set; }

    /// <summary>Seconds since 1970 and the nanoseconds that follow them.</summary>
    public (long Seconds, long Nanoseconds) Modified { get; set; }

    public (long Major, long Minor) Device { get; set; }

    public List<(byte[] Name, byte[] Value)> Attributes { get; } = [];
}

static class Rescue
{
    /// <summary>
    /// Names of objects that hold a file of the log (section 18). What is no such name is never opened: its last part becomes
    /// the name of a file.
    /// </summary>
    private static readonly Regex LogName = new(
        @"^wal/(?<cluster>[0-9]{1,20})/(?<timeline>[0-9A-F]{8})/(?<file>\k<timeline>([0-9A-F]{16}(\.partial|\.[0-9A-F]{8}\.backup)?|\.history))\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant);

    private static int losses;

    public static int List(Repository repository)
    {
        var used = new HashSet<string>();
        foreach (var (id, manifest) in Manifests(repository).OrderBy(m => m.Manifest?.GetProperty("created").GetDateTimeOffset()))
        {
            if (manifest is { } m)
            {
                Console.WriteLine($"{id[..16]}  {m.GetProperty("created").GetDateTimeOffset().UtcDateTime:yyyy-MM-dd HH:mm:ss}Z  {m.GetProperty("kind").GetString(),-6}  {m.GetProperty("size").GetInt64(),15:N0}  {m.GetProperty("source").GetString()}");
                used.Add(MapOf(m));
            }
        }

        // A map without a manifest is what an interrupted backup leaves, or what a lost manifest left.
        foreach (var map in losses == 0 ? [] : repository.Names("maps").Where(n => !used.Contains(n)))
            Console.WriteLine($"maps/{map}  (no manifest that can be read names it)");

        return losses > 0 ? 1 : 0;
    }

    public static int Restore(Repository repository, string wanted, string destination)
    {
        var manifest = wanted.StartsWith("maps/", StringComparison.Ordinal) ? (JsonElement?)null : Find(repository, wanted);
        losses = 0;
        var map = repository.ReadMap(manifest is { } m ? MapOf(m) : wanted["maps/".Length..]);
        var hash = manifest?.GetProperty("contentHash").GetString();
        if (map.Length > 0 && map[0] == 2)
            RestoreTree(repository, map, hash, destination);
        else
            RestoreDatabase(repository, map, hash, destination);

        return Conclude(destination);
    }

    public static int ListLog(Repository repository)
    {
        foreach (var (cluster, file, _) in LogFiles(repository))
            Console.WriteLine($"{cluster}  {file}");

        return 0;
    }

    /// <summary>All of a cluster's log into one folder; names of the log differ between timelines, too.</summary>
    public static int RestoreLog(Repository repository, string wanted, string destination)
    {
        var files = LogFiles(repository).Where(f => f.Cluster == wanted).ToList();
        if (files.Count == 0)
            throw new Refusal($"There is no log of a cluster '{wanted}'.");

        MakeFolder(destination);
        foreach (var (_, file, name) in files)
        {
            try
            {
                RestoreLogFile(repository, name, Path.Combine(destination, file));
            }
            catch (Exception e) when (e is Damage or IOException or UnauthorizedAccessException)
            {
                Lose($"{file}: {e.Message}");
            }
        }

        return Conclude(destination);
    }

    /// <summary>Section 18: the first frame describes the file, the others are its bytes.</summary>
    private static void RestoreLogFile(Repository repository, string name, string path)
    {
        using var stored = repository.TryOpen(name) ?? throw new Damage($"{name} is missing");
        var pack = new Pack(repository, stored, 'F', name, null);
        var description = new Reader(pack.Frames.Length > 0 ? pack.ReadFrame(0) : []);
        if (!description.String().AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(name)))
            throw new Damage($"{name} is another file's object");

        if (description.Long() != pack.Frames.Skip(1).Sum(f => (long)f.Raw))
            throw new Damage($"{name} does not hold as many bytes as it says");

        // A server takes whatever has the name of a segment for a whole one, so it gets that name last.
        var part = path + ".part";
        try
        {
            using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using (var file = new FileStream(part, FileMode.CreateNew, FileAccess.Write))
            {
                Protect(part);
                for (var frame = 1; frame < pack.Frames.Length; frame++)
                {
                    var raw = pack.ReadFrame(frame);
                    digest.AppendData(raw);
                    file.Write(raw);
                }

                file.Flush(flushToDisk: true);
            }

            if (!description.Take(32).SequenceEqual(digest.GetHashAndReset()))
                throw new Damage($"the content of {name} does not have the hash that it says");

            File.Move(part, path);
        }
        finally
        {
            File.Delete(part);
        }
    }

    private static IEnumerable<(string Cluster, string File, string Name)> LogFiles(Repository repository)
    {
        foreach (var name in repository.Objects("wal").Order(StringComparer.Ordinal))
        {
            if (LogName.Match(name) is { Success: true } match)
                yield return (match.Groups["cluster"].Value, match.Groups["file"].Value, name);
            else
                Console.Error.WriteLine($"Note: {Show(Encoding.UTF8.GetBytes(name))} does not have the name of a file of the log.");
        }
    }

    /// <summary>Section 6: blocks in order of their place; the last may be shorter.</summary>
    private static void RestoreDatabase(Repository repository, byte[] map, string? hash, string destination)
    {
        var (blockSize, size, ids) = PageMap(repository, map);
        var blocks = new Blocks();
        var places = new Place[ids.Length];
        for (var i = 0; i < ids.Length; i++)
            places[i] = new Place(blocks.Want(ids[i]), 0, i * blockSize, Math.Min(blockSize, size - (i * blockSize)));

        var digests = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var file = new FileStream(destination, FileMode.CreateNew, FileAccess.ReadWrite))
        {
            Protect(destination);
            file.SetLength(size);
            Fill(repository, blocks, places, _ => file.SafeFileHandle);
            file.Flush(flushToDisk: true);
        }

        foreach (var place in places)
        {
            digests.AppendData(blocks.Digests[place.Block] ?? new byte[32]);
            if (blocks.Digests[place.Block] is null)
                Lose($"{place.Length} bytes at offset {place.Offset} of the database (zeros stand there)");
        }

        if (losses == 0 && hash is not null && Convert.ToHexStringLower(digests.GetHashAndReset().AsSpan(0, 32)) != hash)
            Lose("the content does not have the hash that the manifest tells");
    }

    private static (long BlockSize, long Size, BlockId[] Ids) PageMap(Repository repository, byte[] map)
    {
        var reader = new Reader(map);
        var difference = reader.Byte() switch { 0 => false, 1 => true, _ => throw new Damage("the map is of no known kind") };
        var blockSize = reader.Long();
        var size = reader.Long();
        var count = reader.Long();
        if (blockSize is <= 0 or > 256 * 1024 || count != (size / blockSize) + (size % blockSize == 0 ? 0 : 1))
            throw new Damage("the map's numbers disagree");

        var ids = new List<BlockId>();
        if (!difference)
        {
            for (long i = 0; i < count; i++)
                ids.Add(reader.Id());

            return (blockSize, size, [.. ids]);
        }

        // A difference: the base's name, the places that differ as gaps, then their ids. The base is always whole.
        var baseBytes = repository.ReadMap(Encoding.ASCII.GetString(reader.String()));
        var (baseBlockSize, _, baseIds) = baseBytes.Length > 0 && baseBytes[0] == 0 ? PageMap(repository, baseBytes) : throw new Damage("the map's base is no whole map");
        var changed = new long[reader.Count(1)];
        for (var i = 0; i < changed.Length; i++)
            changed[i] = checked((i == 0 ? -1 : changed[i - 1]) + 1 + reader.Long());

        // Every place past the base's end must be among those that differ, so the count needs no other bound.
        if (baseBlockSize != blockSize || count > baseIds.Length + (long)changed.Length || (changed.Length > 0 && changed[^1] >= count))
            throw new Damage("the map does not fit its base");

        var all = new BlockId[count];
        baseIds.AsSpan(0, (int)Math.Min(count, baseIds.Length)).CopyTo(all);
        foreach (var place in changed)
            all[place] = reader.Id();

        return (blockSize, size, all);
    }

    /// <summary>Section 7. Folders, files, further names, links, then attributes: nothing is ever written through a link.</summary>
    private static void RestoreTree(Repository repository, byte[] map, string? hash, string destination)
    {
        MakeFolder(destination);
        var blocks = new Blocks();
        var (entries, places) = Entries(ReadListing(repository, map, hash), blocks);
        var files = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in entries)
            Try(entry, path => Directory.CreateDirectory(entry.Kind == 'D' ? path : Path.GetDirectoryName(path)!));

        foreach (var entry in entries.Where(e => e.Kind == 'F'))
        {
            Try(entry, path =>
            {
                using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
                Protect(path);
                file.SetLength(entry.Size);
                files.Add(entry.Path);
            });
        }

        FillFiles(repository, blocks, places, entries, files, destination);
        foreach (var entry in entries)
        {
            if (entry.Kind == 'H' && OperatingSystem.IsWindows())
                Try(entry, path => File.Copy(Known(entry), path));
            else if (entry.Kind == 'H')
                Try(entry, path => Call(link(Name(Known(entry)), Name(path))));
        }

        foreach (var entry in entries.Where(e => "PSCB".Contains(e.Kind)))
            Try(entry, path => MakeNode(entry, path));

        foreach (var entry in entries.Where(e => e.Kind == 'L'))
        {
            Try(entry, path =>
            {
                if (OperatingSystem.IsWindows())
                    File.CreateSymbolicLink(path, Encoding.UTF8.GetString(entry.Target));
                else
                    Call(symlink([.. entry.Target, 0], Name(path)));
            });
        }

        // From the innermost outwards: a folder's own time is set when nothing in it changes any more.
        foreach (var entry in entries.AsEnumerable().Reverse())
            Try(entry, path => Finish(entry, path));

        string At(string path) => Path.Combine(destination, path);

        // A further name may only be one of a file that this listing made: anything else could lie outside.
        string Known(Entry entry) => SafePath(entry.Target) is { } first && files.Contains(first) ? At(first) : throw new IOException("its first name is not in the snapshot");

        void Try(Entry entry, Action<string> act)
        {
            try
            {
                act(At(entry.Path));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or EntryPointNotFoundException)
            {
                Lose($"{entry.Shown}: {e.Message}");
            }
        }
    }

    /// <summary>Pipes, and devices where we may make them. A socket is made by the program that listens at it.</summary>
    private static void MakeNode(Entry entry, string path)
    {
        if (entry.Kind == 'S')
            Console.Error.WriteLine($"Note: {entry.Shown} is a socket. The program that uses it makes it anew.");
        else if (!OperatingSystem.IsLinux() || (entry.Kind != 'P' && !Environment.IsPrivilegedProcess))
            Lose($"{entry.Shown}: {(entry.Kind == 'P' ? "a named pipe, which only Linux gets" : $"the device {entry.Device.Major}:{entry.Device.Minor}, which only root can make")}");
        else if (entry.Kind == 'P')
            Call(mkfifo(Name(path), 0x180));
        else
            Call(mknod(Name(path), entry.Kind == 'C' ? 0x2180u : 0x6180u, DeviceNumber(entry.Device.Major, entry.Device.Minor)));
    }

    /// <summary>As makedev(3) packs it.</summary>
    private static ulong DeviceNumber(long major, long minor) =>
        (((ulong)major & 0xfffff000) << 32) | (((ulong)major & 0xfff) << 8) | (((ulong)minor & 0xffffff00) << 12) | ((ulong)minor & 0xff);

    private static void FillFiles(Repository repository, Blocks blocks, List<Place> places, List<Entry> entries, HashSet<string> files, string destination)
    {
        // One file is kept open: the blocks of a file mostly lie side by side.
        FileStream? open = null;
        var current = -1;
        Fill(repository, blocks, [.. places.Where(p => files.Contains(entries[p.File].Path))], number =>
        {
            if (number != current)
            {
                open?.Dispose();
                open = new FileStream(Path.Combine(destination, entries[number].Path), FileMode.Open, FileAccess.Write);
                current = number;
            }

            return open!.SafeFileHandle;
        });
        open?.Dispose();
        foreach (var place in places.Where(p => blocks.Digests[p.Block] is null))
            entries[place.File].Lost += place.Length;

        foreach (var entry in entries.Where(e => e.Lost > 0))
            Lose($"{entry.Shown}: {entry.Lost} of {entry.Size} bytes (zeros stand there)");
    }

    /// <summary>Fetches all wanted blocks and writes each to its places.</summary>
    private static void Fill(Repository repository, Blocks blocks, Place[] places, Func<int, Microsoft.Win32.SafeHandles.SafeFileHandle> open)
    {
        var byBlock = places.ToArray();
        Array.Sort(byBlock, (a, b) => a.Block != b.Block ? a.Block.CompareTo(b.Block) : a.File.CompareTo(b.File));
        var first = new int[blocks.Digests.Count];
        Array.Fill(first, byBlock.Length);
        for (var i = byBlock.Length - 1; i >= 0; i--)
            first[byBlock[i].Block] = i;

        blocks.Fetch(repository, (number, block) =>
        {
            for (var i = first[number]; i < byBlock.Length && byBlock[i].Block == number; i++)
            {
                if (byBlock[i].Length == block.Length)
                    RandomAccess.Write(open(byBlock[i].File), block, byBlock[i].Offset);
                else
                    Lose($"a block of {block.Length} bytes does not fit its place of {byBlock[i].Length}");
            }
        });
    }

    /// <summary>The listing's bytes; where a block of it is lost, those in front of it.</summary>
    private static byte[] ReadListing(Repository repository, byte[] map, string? hash)
    {
        var reader = new Reader(map);
        _ = reader.Byte();
        var blocks = new Blocks();
        var parts = new (int Block, long Length)[reader.Count(21)];
        for (var i = 0; i < parts.Length; i++)
        {
            var length = reader.Long();
            parts[i] = (blocks.Want(reader.Id()), length);
        }

        var contents = new Dictionary<int, byte[]>();
        blocks.Fetch(repository, contents.Add);
        using var digests = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var listing = new MemoryStream();
        foreach (var (block, length) in parts)
        {
            if (!contents.TryGetValue(block, out var content) || content.Length != length)
            {
                Lose($"the listing behind its first {listing.Length} bytes, and with it the files that it names there");
                return listing.ToArray();
            }

            listing.Write(content);
            digests.AppendData(blocks.Digests[block]!);
        }

        if (hash is not null && Convert.ToHexStringLower(digests.GetHashAndReset().AsSpan(0, 32)) != hash)
            Lose("the listing does not have the hash that the manifest tells");

        return listing.ToArray();
    }

    private static (List<Entry> Entries, List<Place> Places) Entries(byte[] listing, Blocks blocks)
    {
        var entries = new List<Entry>();
        var places = new List<Place>();
        var reader = new Reader(listing);
        while (reader.Left > 0)
        {
            try
            {
                var mark = (char)reader.Byte();
                var kind = char.ToUpperInvariant(mark);
                var raw = reader.String();
                var (mode, user, group, modified) = ((int)reader.Signed(), reader.Signed(), reader.Signed(), reader.Signed());
                _ = reader.Signed(); // the moment of the last change, for the next backup
                _ = reader.Number(); // the inode, too
                var (size, target) = (reader.Long(), reader.String());
                _ = reader.String(); // a note
                long offset = 0;
                var firstPlace = places.Count;
                for (var extents = reader.Count(1); extents > 0; extents--)
                {
                    var length = reader.Long();
                    if ((length & 1) == 0)
                        places.Add(new Place(blocks.Want(reader.Id()), entries.Count, offset, length >> 1));

                    offset = checked(offset + (length >> 1));
                }

                var entry = new Entry(kind, SafePath(raw) ?? "", raw[(raw.AsSpan().LastIndexOf((byte)'/') + 1)..], Show(raw), mode, user, group, size, target)
                {
                    Modified = ((long)Math.Floor(modified / 1e9m), modified - ((long)Math.Floor(modified / 1e9m) * 1_000_000_000)),
                };
                if (mark != kind)
                    ReadExtension(ref reader, entry);

                // The entry was read to its end; whatever is wrong with it concerns it alone.
                var path = SafePath(raw);
                if (path is null || (path == "" && kind != 'D') || !(mark == kind ? "FDLH" : "FDLHPSCB").Contains(kind) || (kind == 'F' && offset != size))
                {
                    Lose($"{Show(raw)}: the listing describes it in a way that no backup does");
                    places.RemoveRange(firstPlace, places.Count - firstPlace);
                    continue;
                }

                entries.Add(entry);
            }
            catch (Exception e) when (e is Damage or OverflowException)
            {
                // What a lost part of the listing cut through.
                Lose($"what the listing names behind entry {entries.Count}: {e.Message}");
                break;
            }
        }

        places.RemoveAll(p => p.File >= entries.Count);
        return (entries, places);
    }

    /// <summary>Section 7.1: what version 2 says of an entry beyond version 1.</summary>
    private static void ReadExtension(ref Reader reader, Entry entry)
    {
        for (var fields = reader.Count(2); fields > 0; fields--)
        {
            switch ((char)reader.Byte())
            {
                case 'm':
                    entry.Modified = (reader.Signed(), reader.Long());
                    break;
                case 'c' or 'b':
                    _ = (reader.Signed(), reader.Long()); // when it last changed, and when it was made: nothing can set these
                    break;
                case 'd':
                    entry.Device = (reader.Long(), reader.Long());
                    break;
                case 'k':
                    _ = reader.Byte(); // that it is a database: there is nothing beside it here that could be a log of it
                    break;
                case 'v':
                    _ = reader.String(); // the link that led to it
                    break;
                case 'a':
                    entry.Attributes.Add((reader.String(), reader.String()));
                    break;
                default:
                    throw new Damage("an entry has a field that this program does not know");
            }
        }
    }

    /// <summary>A path below the destination, or null. A name that is no UTF-8 gets a stand-in until the end.</summary>
    private static string? SafePath(byte[] path)
    {
        if (path.Length == 0)
            return "";

        var names = new List<string>();
        foreach (var range in path.AsSpan().Split((byte)'/'))
        {
            var name = path.AsSpan(range);
            var text = Utf8.IsValid(name) ? Encoding.UTF8.GetString(name) : "rescued-" + Convert.ToHexStringLower(name);
            if (text is "" or "." or ".." || text.Contains('\0') || (OperatingSystem.IsWindows() && text.IndexOfAny(['\\', ':']) >= 0))
                return null;

            names.Add(text);
        }

        return string.Join('/', names);
    }

    private static string Show(byte[] path) => string.Concat(Encoding.UTF8.GetString(path).Select(c => char.IsControl(c) ? '?' : c));

    private static void Finish(Entry entry, string path)
    {
        if (entry.Kind is 'H' or 'S' || (entry.Kind is 'F' or 'L' && new FileInfo(path) is { Exists: false, LinkTarget: null }))
        {
            // A further name shares all with the first one, and a socket was not made.
        }
        else
        {
            if (!OperatingSystem.IsWindows())
            {
                if (Environment.IsPrivilegedProcess && entry.User >= 0)
                    Call(lchown(Name(path), (uint)entry.User, (uint)entry.Group));

                if (entry.Mode >= 0 && entry.Kind != 'L')
                    File.SetUnixFileMode(path, (UnixFileMode)(entry.Mode & 0xfff));

                // After the owner, whose change drops capabilities, and the mode, which an access control list refines.
                SetAttributes(entry, path);
            }

            SetTime(entry, path);
        }

        if (entry.Kind is not 'S' && !Utf8.IsValid(entry.RawName) && !OperatingSystem.IsWindows())
            Call(rename(Name(path), [.. Name(Path.GetDirectoryName(path)!)[..^1], (byte)'/', .. entry.RawName, 0]));
    }

    private static void SetAttributes(Entry entry, string path)
    {
        var failed = new List<string>();
        foreach (var (name, value) in entry.Attributes)
        {
            if (!OperatingSystem.IsLinux() || lsetxattr(Name(path), [.. name, 0], value, value.Length, 0) != 0)
                failed.Add(Show(name));
        }

        if (failed.Count > 0)
            Lose($"{entry.Shown}: the attributes {string.Join(", ", failed)} (some need root, or another file system)");
    }

    private static void SetTime(Entry entry, string path)
    {
        if (OperatingSystem.IsLinux())
        {
            // The time of access is left as it is (UTIME_OMIT); a link is not followed (AT_SYMLINK_NOFOLLOW).
            Call(utimensat(-100, Name(path), [0, 0x3ffffffe, entry.Modified.Seconds, entry.Modified.Nanoseconds], 0x100));
            return;
        }

        // .NET counts in tenths of a microsecond, and to the end of the year 9999.
        var seconds = Math.Clamp(entry.Modified.Seconds, -62_135_596_800, 253_402_300_799);
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch.AddTicks((seconds * 10_000_000) + (entry.Modified.Nanoseconds / 100)));
    }

    private static JsonElement Find(Repository repository, string wanted)
    {
        var all = Manifests(repository).ToList();
        var isLatest = wanted == "latest" || wanted.StartsWith("latest:", StringComparison.Ordinal);
        var readable = all.Where(m => m.Manifest is not null && (!isLatest || wanted == "latest" || m.Manifest.Value.GetProperty("source").GetString() == wanted["latest:".Length..]))
            .OrderBy(m => m.Manifest!.Value.GetProperty("created").GetDateTimeOffset()).ToList();
        var fitting = isLatest ? readable.TakeLast(1).ToList() : all.Where(m => m.Id.StartsWith(wanted, StringComparison.OrdinalIgnoreCase)).ToList();
        return fitting.Count switch
        {
            0 => throw new Refusal($"There is no snapshot '{wanted}'."),
            1 => fitting[0].Manifest ?? throw new Damage($"the manifest of {fitting[0].Id}. Without SNAPSHOT, the maps that may have belonged to it are listed."),
            _ => throw new Refusal($"More than one snapshot begins with '{wanted}'."),
        };
    }

    /// <summary>Section 8: sealed JSON under the snapshot's id.</summary>
    private static IEnumerable<(string Id, JsonElement? Manifest)> Manifests(Repository repository)
    {
        foreach (var id in repository.Names("snapshots"))
        {
            JsonElement? manifest = null;
            try
            {
                var read = JsonDocument.Parse(repository.ReadSealed('S', "snapshots", id)).RootElement;
                if (read.TryGetProperty("format", out var format) && format.GetInt32() > NewestFormat)
                    throw new Damage($"it has version {format.GetInt32()} of the format, which this program does not know; take a newer rescue.cs");

                _ = (MapOf(read), read.GetProperty("created").GetDateTimeOffset(), read.GetProperty("kind"), read.GetProperty("size").GetInt64(), read.GetProperty("source"), read.GetProperty("contentHash"));
                manifest = read;
            }
            catch (Exception e) when (e is Damage or JsonException or KeyNotFoundException or FormatException or InvalidOperationException or IOException or UnauthorizedAccessException)
            {
                Lose($"the manifest of snapshot {id}: {e.Message}");
            }

            yield return (id, manifest);
        }
    }

    /// <summary>The newest version of the format that this program reads (section 8).</summary>
    private const int NewestFormat = 2;

    private static string MapOf(JsonElement manifest) => manifest.GetProperty("map").GetString() ?? "";

    private static void MakeFolder(string destination)
    {
        if (File.Exists(destination) || (Directory.Exists(destination) && Directory.EnumerateFileSystemEntries(destination).Any()))
            throw new Refusal($"{destination} exists.");

        Directory.CreateDirectory(destination);
    }

    private static int Conclude(string destination)
    {
        Console.WriteLine(losses == 0 ? $"Restored {destination}" : $"Restored {destination} in part: {losses} losses are named above.");
        return losses == 0 ? 0 : 1;
    }

    private static void Lose(string what)
    {
        losses++;
        Console.Error.WriteLine($"LOST: {what}");
    }

    /// <summary>Until its own permissions are set, a file is for its owner alone.</summary>
    private static void Protect(string path)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static byte[] Name(string path) => [.. Encoding.UTF8.GetBytes(path), 0];

    private static void Call(int result)
    {
        if (result != 0)
            throw new IOException(Marshal.GetLastPInvokeErrorMessage());
    }

    // What .NET has no call for: names as bytes, further names, owners, pipes, attributes, times beyond year 9999.
    [DllImport("libc", SetLastError = true)]
    private static extern int link(byte[] existing, byte[] path);

    [DllImport("libc", SetLastError = true)]
    private static extern int symlink(byte[] target, byte[] path);

    [DllImport("libc", SetLastError = true)]
    private static extern int rename(byte[] from, byte[] to);

    [DllImport("libc", SetLastError = true)]
    private static extern int mkfifo(byte[] path, uint mode);

    [DllImport("libc", SetLastError = true)]
    private static extern int mknod(byte[] path, uint mode, ulong device);

    [DllImport("libc", SetLastError = true)]
    private static extern int lsetxattr(byte[] path, byte[] name, byte[] value, nint size, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int utimensat(int folder, byte[] path, long[] times, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int lchown(byte[] path, uint user, uint group);
}
