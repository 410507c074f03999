namespace MaintenanceOps.Engine.Storage;

/// <summary>A file of lines that is only added to.</summary>
internal static class LineFile
{
    /// <summary>Adds lines in one write, on a line of their own: one that a killed writer left half written must not swallow them.</summary>
    public static void Append(FileStream file, ReadOnlySpan<byte> lines)
    {
        byte[] start = EndsInside(file) ? [(byte)'\n'] : [];
        file.Position = file.Length;
        file.Write([.. start, .. lines]);
    }

    private static bool EndsInside(FileStream file)
    {
        if (file.Length == 0)
        {
            return false;
        }

        file.Position = file.Length - 1;
        return file.ReadByte() != '\n';
    }
}
