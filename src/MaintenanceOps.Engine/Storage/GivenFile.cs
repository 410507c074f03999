using System.Text;

namespace MaintenanceOps.Engine.Storage;

/// <summary>
/// A small file that a user named: a plan, a passphrase, a list of patterns. It may be what a shell passes on
/// (<c>&lt;(command)</c>), and may be a pipe without a writer or a device without an end: reading ends all the same.
/// </summary>
internal static class GivenFile
{
    private const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>A pipe that nobody writes to keeps whoever opens it waiting.</summary>
    private static readonly TimeSpan OpenPatience = TimeSpan.FromSeconds(5);

    /// <summary>Whoever writes into a pipe may ask a human first.</summary>
    private static readonly TimeSpan ReadPatience = TimeSpan.FromMinutes(2);

    /// <summary>Its text, as UTF-8 unless it begins with another mark.</summary>
    /// <param name="path">The file.</param>
    /// <param name="doing">What is tried, as in <c>read the plan</c>.</param>
    /// <exception cref="MaintenanceException">As with <see cref="Bytes"/>.</exception>
    public static string Text(string path, string doing)
    {
        using var reader = new StreamReader(new MemoryStream(Bytes(path, doing)), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>Its bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="doing">What is tried, as in <c>read the plan</c>.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.PathNotFound"/>, <see cref="ErrorCode.AccessDenied"/>; <see cref="ErrorCode.InputOutput"/>: it cannot be
    /// read, has more than 4 MiB, or nothing comes out of it.
    /// </exception>
    public static byte[] Bytes(string path, string doing)
    {
        try
        {
            // A thread that waits for a pipe cannot be ended. It is left behind, and keeps no process alive.
            var opening = Apart(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
            var file = Wait(opening, OpenPatience, "it is a pipe, and nothing writes to it");
            return Wait(Apart(() => ReadAll(file)), ReadPatience, $"nothing came out of it for {ReadPatience.TotalMinutes} minutes");
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, doing, path);
        }
    }

    private static byte[] ReadAll(FileStream file)
    {
        using (file)
        {
            using var content = new MemoryStream();
            var part = new byte[16 * 1024];
            for (int read; (read = file.Read(part)) > 0;)
            {
                content.Write(part, 0, read);
                if (content.Length > MaxBytes)
                {
                    throw new IOException($"it has more than {MaxBytes >> 20} MiB. Is it the right file?");
                }
            }

            return content.ToArray();
        }
    }

    private static Task<T> Apart<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static T Wait<T>(Task<T> task, TimeSpan patience, string otherwise) =>
        Task.WaitAny([task], patience) >= 0 ? task.GetAwaiter().GetResult() : throw new IOException(otherwise);
}
