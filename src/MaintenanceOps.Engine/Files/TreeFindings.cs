namespace MaintenanceOps.Engine.Files;

/// <summary>What a backup of files has to say besides what it took: it goes to the user at once, and into the manifest.</summary>
internal sealed class TreeFindings(IOperationSink sink)
{
    /// <summary>Of each sort, that many are told and written down; the rest is counted.</summary>
    public const int Max = 1000;

    private readonly List<string> warnings = [];
    private readonly List<string> missing = [];
    private readonly List<string> gaps = [];
    private long untold;
    private long withoutAttributes;
    private string? lastWithout;
    private string? attribute;

    public IReadOnlyList<string> Warnings => warnings;

    /// <summary>How many entries of the source are not in the snapshot, or not whole, because they could not be read.</summary>
    public int MissingCount { get; private set; }

    /// <summary>The first <see cref="Max"/> of their names, as they can be shown.</summary>
    public IReadOnlyList<string> Missing => missing;

    /// <summary>What of the content could not be checked.</summary>
    public IReadOnlyList<string> Unchecked => gaps;

    public void Warn(string message)
    {
        if (warnings.Count >= Max)
        {
            untold++;
            return;
        }

        warnings.Add(message);
        sink.Warn(message);
    }

    /// <summary>Something of the source is not in the snapshot.</summary>
    /// <param name="path">Its path below the origin.</param>
    /// <param name="what">What is wrong, as the end of a sentence about it.</param>
    public void Miss(string path, string what)
    {
        var shown = path.Length == 0 ? "." : PathCodec.Display(path);
        MissingCount++;
        if (missing.Count < Max)
        {
            missing.Add(shown);
        }

        Warn($"'{shown}' {what}");
    }

    /// <summary>An entry is in the snapshot without one of its extended attributes. A file system that keeps back one keeps back many, so they are told together.</summary>
    /// <param name="path">The entry's path below the origin.</param>
    /// <param name="name">The attribute; empty where not even the names could be read.</param>
    /// <param name="why">The system's words.</param>
    public void MissAttribute(string path, string name, string why)
    {
        var what = name.Length == 0 ? "extended attributes" : PathCodec.Display(name);
        attribute ??= $"{what} of '{PathCodec.Display(path)}' ({why})";
        if (path == lastWithout)
        {
            return;
        }

        lastWithout = path;
        withoutAttributes++;
        MissingCount++;
        if (missing.Count < Max)
        {
            missing.Add($"{PathCodec.Display(path)} ({what})");
        }
    }

    public void LeaveUnchecked(string path, string why)
    {
        if (gaps.Count < Max)
        {
            gaps.Add($"'{PathCodec.Display(path)}': {why}");
        }
    }

    /// <summary>Says what was only counted so far.</summary>
    public void Close()
    {
        if (withoutAttributes > 0)
        {
            var told = $"{withoutAttributes} {(withoutAttributes == 1 ? "entry is" : "entries are")} in the snapshot without extended attributes that could not be read, such as {attribute}.";
            warnings.Add(told);
            sink.Warn(told);
        }

        if (untold > 0)
        {
            var rest = $"{untold} more warnings of this backup are not shown.";
            warnings.Add(rest);
            sink.Warn(rest);
        }
    }
}
