namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Sets a variable of this process and puts its old value back.</summary>
internal sealed class S3EnvironmentVariable : IDisposable
{
    private readonly string name;
    private readonly string? before;

    public S3EnvironmentVariable(string name, string? value)
    {
        this.name = name;
        before = Environment.GetEnvironmentVariable(name);
        Environment.SetEnvironmentVariable(name, value);
    }

    public void Dispose() => Environment.SetEnvironmentVariable(name, before);
}
