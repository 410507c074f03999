namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>Options that have been looked at: each value may stand in a configuration as it is, paths in double quotes.</summary>
internal sealed record ProxyRequest
{
    private static readonly Uri UsualGate = new("http://127.0.0.1:9503");

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public ProxyRequest(ProxyConfigOptions options)
    {
        if (options.Upstream is not null && options.Kind != ProxyKind.Traefik)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"-Upstream is where Traefik asks; {options.Kind} looks at the flag itself.", options.Upstream);
        }

        Application = ProxyValues.Name(options.Name);
        Name = Application + "-maintenance";
        Variable = Name.Replace('-', '_');
        FlagPath = ProxyValues.Path(options.FlagPath, "The flag's path");
        Output = Folder(options.OutputPath);
        PagePath = ProxyValues.Path(options.PagePath ?? InOutput(".html"), "The page's path");
        if (Path.GetExtension(PagePath) is not (".html" or ".htm"))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"The page '{options.PagePath}' does not end in .html, so not every web server would say what it is.", options.PagePath);
        }

        Exempt = [.. options.ExemptPath.Select(ExemptPath.Parse).Distinct()];
        Bypass = [.. options.BypassAddress.Select(ProxyValues.Network).Distinct()];
        Seconds = ProxyValues.Seconds(options.RetryAfter);
        Gate = options.Upstream is null ? UsualGate : ProxyValues.Gate(options.Upstream);
    }

    public string Application { get; }

    /// <summary>What names of files, sections and addresses begin with.</summary>
    public string Name { get; }

    /// <summary>The same for languages whose names have no dash.</summary>
    public string Variable { get; }

    public string FlagPath { get; }

    public string PagePath { get; }

    public string JsonPath => Path.ChangeExtension(PagePath, ".json");

    public IReadOnlyList<ExemptPath> Exempt { get; }

    public IReadOnlyList<string> Bypass { get; }

    public long Seconds { get; }

    public Uri Gate { get; }

    private string Output { get; }

    /// <summary>A file in the output folder, by what follows the name.</summary>
    public string InOutput(string end) => $"{Output}/{Name}{end}";

    private static string Folder(string path)
    {
        const string What = "The output folder's path";
        const string Any = "file";
        ProxyValues.Letters(OperatingSystem.IsWindows() ? path.Replace('\\', '/') : path, What);
        return ProxyValues.Path(Path.Combine(Path.GetFullPath(path), Any), What)[..^(Any.Length + 1)];
    }
}
