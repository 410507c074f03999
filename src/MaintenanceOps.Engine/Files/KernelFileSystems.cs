namespace MaintenanceOps.Engine.Files;

/// <summary>
/// File systems in which the kernel shows itself. Their files are made up while they are read, some block or never end, and
/// none can be put back. The numbers are those of statfs(2).
/// </summary>
internal static class KernelFileSystems
{
    /// <summary>The name; null for a file system that keeps files.</summary>
    public static string? NameOf(uint type) => type switch
    {
        0x00009fa0 => "proc",
        0x62656572 => "sysfs",
        0x64626720 => "debugfs",
        0x74726163 => "tracefs",
        0x73636673 => "securityfs",
        0x62656570 => "configfs",
        0x0027e0eb => "cgroup",
        0x63677270 => "cgroup2",
        0x00001cd1 => "devpts",
        0xcafe4a11 => "bpf",
        0x6165676c => "pstore",
        0x65735543 => "fusectl",
        0x42494e4d => "binfmt_misc",
        0xf97cff8c => "selinuxfs",
        0x19800202 => "mqueue",
        0x6e736673 => "nsfs",
        _ => null,
    };
}
