using System.Text;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>A file that a web server needs.</summary>
/// <param name="Path">Where it goes.</param>
/// <param name="Content">What is in it.</param>
/// <param name="Yours">Whether one that is there may be the user's own, and stays.</param>
public sealed record ProxyFile(string Path, string Content, bool Yours = false)
{
    /// <summary>In bytes.</summary>
    public long Size => Encoding.UTF8.GetByteCount(Content);
}
