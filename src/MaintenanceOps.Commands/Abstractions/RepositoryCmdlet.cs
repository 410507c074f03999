using System.Management.Automation;
using System.Security;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands;

/// <summary>A cmdlet that works in a repository. The repository stays open until the pipeline ends.</summary>
public abstract class RepositoryCmdlet : EngineCmdlet
{
    private readonly OpenRepositories repositories;

    private protected RepositoryCmdlet() => repositories = new OpenRepositories(StopToken);

    /// <summary>The repository: a path or <c>s3://bucket/prefix</c>; <c>$env:MAINTENANCEOPS_REPOSITORY</c> where it is left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public virtual string? Repository { get; set; }

    /// <summary>Opens an encrypted repository; the environment's passphrase where it is left out.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? Passphrase { get; set; }

    /// <summary>A file with the passphrase.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? KeyFile { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (Passphrase is not null && KeyFile is not null)
        {
            var problem = new MaintenanceException(ErrorCode.InvalidArgument, "-Passphrase and -KeyFile are two ways to say one thing. Give one of them.");
            ThrowTerminatingError(ErrorRecords.From(problem, KeyFile));
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        repositories.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The location that the user means.</summary>
    /// <param name="preferred">What a piped object says, used where <c>-Repository</c> was left out.</param>
    protected string LocationOf(string? preferred = null)
    {
        var location = Repository ?? preferred ?? Environment.GetEnvironmentVariable("MAINTENANCEOPS_REPOSITORY");
        if (string.IsNullOrEmpty(location))
        {
            var problem = new MaintenanceException(ErrorCode.InvalidArgument, "No repository was named. Give -Repository, or set MAINTENANCEOPS_REPOSITORY.");
            ThrowTerminatingError(ErrorRecords.From(problem, this.MyInvocation.MyCommand.Name));
        }

        return ProviderPaths.Location(this, location!);
    }

    /// <summary>Opens the repository; where that fails, the pipeline ends.</summary>
    private protected Repository Open(string? preferred = null, bool initialize = false)
    {
        var location = LocationOf(preferred);
        var keyFile = KeyFile is null ? null : ProviderPaths.Full(this, KeyFile);
        return Require(location, _ => repositories.Get(location, OpenRepositories.PassphraseOf(Passphrase, keyFile), initialize));
    }

    /// <summary>Opens a second repository with a passphrase of its own.</summary>
    private protected Repository Open(string location, SecureString? passphrase, string? keyFile, bool initialize)
    {
        var file = keyFile is null ? null : ProviderPaths.Full(this, keyFile);
        return Require(location, _ => repositories.Get(location, OpenRepositories.PassphraseOf(passphrase, file), initialize));
    }

    /// <summary>Makes a repository; where that fails, the pipeline ends.</summary>
    private protected Repository Create(string location, string label)
    {
        var keyFile = KeyFile is null ? null : ProviderPaths.Full(this, KeyFile);
        return Require(location, _ => repositories.Create(location, OpenRepositories.PassphraseOf(Passphrase, keyFile), label));
    }
}
