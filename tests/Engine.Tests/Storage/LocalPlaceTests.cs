using System.Diagnostics;
using System.Net.Sockets;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Storage;

/// <summary>A local repository whose place changes, or in which somebody has put what does not belong there.</summary>
public sealed class LocalPlaceTests : IDisposable
{
    private readonly TestFolder folder = new();

    public LocalPlaceTests()
    {
        Directory.CreateDirectory(folder["tree"]);
        var bytes = new byte[500_000];
        new Random(1).NextBytes(bytes);
        File.WriteAllBytes(folder["tree/a"], bytes);
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("packs/")]
    [InlineData("maps/")]
    [InlineData("leases/pending-")]
    [InlineData("snapshots/")]
    public void A_disk_that_goes_away_is_an_error_and_nothing_is_made_where_it_was(string moment)
    {
        Repositories.New(folder).Dispose();
        var store = new HookedStore(new LocalObjectStore(folder["repository"]), name =>
        {
            if (name.StartsWith(moment, StringComparison.Ordinal) && !Directory.Exists(folder["away"]))
            {
                Directory.Move(folder["repository"], folder["away"]);
                Directory.CreateDirectory(folder["repository"]);
            }
        });
        using (var repository = Repository.Open(store, null, TimeProvider.System))
        {
            var lost = Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["tree"]));
            Assert.Equal(ErrorCode.StoreUnavailable, lost.Code);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["repository"]));
        Directory.Delete(folder["repository"]);
        Directory.Move(folder["away"], folder["repository"]);
        using var back = Repository.Open(folder["repository"]);
        back.BackUpFiles(folder["tree"]);
        Assert.Empty(back.Check());
    }

    [Fact]
    public void Another_repository_at_the_place_is_not_the_one_that_was_opened()
    {
        using var repository = Repositories.New(folder);
        Repository.Create(folder["other"], null).Dispose();
        foreach (var name in new[] { "repository.json", "repository.copy.json" })
        {
            File.Copy(folder[$"other/{name}"], folder[$"repository/{name}"], overwrite: true);
        }

        Assert.Equal(ErrorCode.StoreUnavailable, Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["tree"])).Code);
        Assert.Empty(repository.ManifestIds());
    }

    [Fact]
    public void Pipes_sockets_and_links_are_passed_over_and_never_opened()
    {
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        var outside = folder["outside"];
        File.WriteAllText(outside, "not ours");
        var id = new string('e', 64);
        foreach (var place in new[] { "snapshots", "packs/ee", "maps", "leases", $"tests/{snapshot.Id}", "doomed", "removed", "damaged" })
        {
            Directory.CreateDirectory(folder[$"repository/{place}"]);
            using var made = Process.Start("mkfifo", folder[$"repository/{place}/{id}"]);
            made.WaitForExit();
            File.CreateSymbolicLink(folder[$"repository/{place}/{id[..63]}f"], outside);
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(folder["repository/leases/shared-x"]));
        var work = Task.Run(() =>
        {
            repository.BackUpFiles(folder["tree"]);
            repository.Prune();
            Assert.Empty(repository.Check());
            return new SnapshotCatalog(repository).List().Count;
        });
        Assert.Equal(2, InTime(work));
        Assert.Equal(ErrorCode.InputOutput, Assert.Throws<MaintenanceException>(() => repository.Store.Read($"snapshots/{id}")).Code);
        Assert.Equal("not ours", File.ReadAllText(outside));
    }

    [Fact]
    public void A_link_in_place_of_a_folder_is_refused()
    {
        using var repository = Repositories.New(folder);
        repository.BackUpFiles(folder["tree"]);
        Directory.CreateDirectory(folder["precious"]);
        File.WriteAllText(folder["precious/old"], "x");
        File.SetLastWriteTimeUtc(folder["precious/old"], DateTime.UtcNow.AddDays(-9));
        Directory.Delete(folder["repository/tmp"], recursive: true);
        Directory.CreateSymbolicLink(folder["repository/tmp"], folder["precious"]);
        Assert.Equal(ErrorCode.AccessDenied, Assert.Throws<MaintenanceException>(() => repository.Prune()).Code);
        Assert.True(File.Exists(folder["precious/old"]));
    }

    [Fact]
    public void What_is_larger_than_any_of_its_kind_is_not_read()
    {
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        using (var huge = File.Create(folder[$"repository/snapshots/{new string('a', 64)}"]))
        {
            huge.SetLength(40L * 1024 * 1024 * 1024);
        }

        Assert.Equal(ErrorCode.InputOutput, Assert.Throws<MaintenanceException>(() => repository.Store.Read($"snapshots/{new string('a', 64)}")).Code);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Full).Passed);
    }

    [Fact]
    public void A_limit_of_the_process_is_named()
    {
        Assert.Contains("ulimit -f", IoErrors.Wrap(new IOException("File too large", 27), "write", "x").Message, StringComparison.Ordinal);
        Assert.Contains("ulimit -n", IoErrors.Wrap(new IOException("Too many open files", 24), "read", "x").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_receiver_thinks_of_sound_blocks_marks_no_pack_damaged()
    {
        using var repository = Repositories.New(folder);
        repository.BackUpFiles(folder["tree"]);
        var refused = Assert.Throws<MaintenanceException>(() => new BlockReader(repository).Read(
            [0],
            (int _, in BlockDigest _, ReadOnlySpan<byte> _) => throw new InvalidDataException("A block has another length than its place."),
            CancellationToken.None));
        Assert.Equal(ErrorCode.SnapshotDamaged, refused.Code);
        Assert.Empty(repository.DamagedPacks());
    }

    [Fact]
    public void The_kernels_lock_is_shared_or_alone_and_ends_with_its_holder()
    {
        using var repository = Repositories.New(folder);
        using var second = Repository.Open(folder["repository"]);
        using (var shared = repository.Store.TryLock(alone: false))
        {
            Assert.NotNull(shared);
            Assert.Null(second.Store.TryLock(alone: true));
            using var another = second.Store.TryLock(alone: false);
            Assert.NotNull(another);
        }

        using (var alone = second.Store.TryLock(alone: true))
        {
            Assert.NotNull(alone);
            Assert.Null(repository.Store.TryLock(alone: false));
        }
    }

    private static int InTime(Task<int> work)
    {
        Assert.True(work.Wait(TimeSpan.FromSeconds(60)), "It waits for the other end of a pipe.");
        return work.Result;
    }
}
