using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Wal;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Has a PostgreSQL server archive its log into a repository; with -WhatIf it tells which settings would change.</summary>
[Cmdlet(VerbsLifecycle.Enable, "WalArchive", SupportsShouldProcess = true)]
[OutputType(typeof(PostgresSetting))]
public sealed class EnableWalArchiveCommand : RepositoryCmdlet
{
    /// <summary>The server: <c>Host=…;Username=…</c> or <c>postgresql://user@host/database</c>.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string ConnectionString { get; set; } = "";

    /// <summary>The path of <c>mops</c> on the server's machine.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Program { get; set; } = "mops";

    /// <summary>After how long a segment is archived though it is not full.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // The server runs the command later and as another user, so the location must open now.
        var location = Open().Location;
        WalArchiveSettings? plan = null;
        if (!Run(location, output => plan = WalArchiveSettings.Plan(ConnectionString, location, Program, Timeout, output.Cancellation)))
        {
            return;
        }

        if (plan!.Doubt is { } doubt)
        {
            WriteWarning(doubt);
        }

        var place = PostgresPlace.Of(ConnectionString, PostgresMethod.Logical).Place;
        var changes = string.Join("; ", plan.Changes.Select(c => $"{c.Name} = {c.Wanted}"));
        if (plan.Changes.Count > 0 && ShouldProcess(place, $"Set {changes}"))
        {
            Run(location, output =>
            {
                plan.Apply(output.Cancellation);
                foreach (var change in plan.Changes)
                {
                    output.Write(change);
                }

                if (plan.Changes.Where(c => c.NeedsRestart).Select(c => c.Name).ToArray() is { Length: > 0 } waiting)
                {
                    output.Warn($"{place} has to be restarted before it archives; what waits for its next start: {string.Join(", ", waiting)}.");
                }
            });
        }
    }
}
