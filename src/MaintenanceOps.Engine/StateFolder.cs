namespace MaintenanceOps.Engine;

/// <summary>Where what is remembered between runs lives: not in a repository, because it is about this machine.</summary>
public static class StateFolder
{
    /// <summary>The variable that names another folder.</summary>
    public const string Variable = "MAINTENANCEOPS_STATE";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The folder for one kind of memory; it need not exist yet.</summary>
    /// <param name="kind">Such as <c>health</c>.</param>
    public static string For(string kind) => Path.Combine(Root(), kind);

    /// <summary>Makes the folder, readable by its owner only: what it holds names hosts and reasons.</summary>
    /// <exception cref="MaintenanceException">It cannot be made.</exception>
    internal static void Make(string folder)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(folder);
            }
            else
            {
                Directory.CreateDirectory(folder, OwnerOnly);
            }
        }
        catch (Exception e) when (Storage.IoErrors.IsKnown(e))
        {
            throw Storage.IoErrors.Wrap(e, "make", folder);
        }
    }

    /// <summary>By the XDG base directory specification; root has the system's place, so that all of its shells and jobs share one.</summary>
    private static string Root()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            return Path.GetFullPath(named);
        }

        if (OperatingSystem.IsWindows())
        {
            return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "MaintenanceOps");
        }

        if (Environment.IsPrivilegedProcess)
        {
            return "/var/lib/maintenanceops";
        }

        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } given ? given
            : home.Length > 0 ? Path.Combine(home, ".local", "state")
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"This user has no home folder. Name one for what is remembered with {Variable}.");
        return Path.Combine(state, "maintenanceops");
    }
}
