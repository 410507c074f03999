using System.Reflection;
using Xunit;
using Xunit.Sdk;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A test that needs s3rver. Without it the test is skipped with the reason, or fails where s3 is required.</summary>
internal sealed class S3FactAttribute : FactAttribute
{
    public S3FactAttribute() => Skip = S3Server.IsRequired ? null : S3Server.WhyNot;
}

/// <summary>A theory that needs s3rver.</summary>
internal sealed class S3TheoryAttribute : TheoryAttribute
{
    public S3TheoryAttribute() => Skip = S3Server.IsRequired ? null : S3Server.WhyNot;
}

/// <summary>The kinds of store that a contract test runs against, all or those named: S3 only where there is a server.</summary>
internal sealed class StoreKindsAttribute(params StoreKind[] kinds) : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) =>
        (kinds.Length > 0 ? kinds : Enum.GetValues<StoreKind>()).Where(k => k == StoreKind.Local || S3Server.IsRequired || S3Server.WhyNot is null).Select(k => new object[] { k });
}

/// <summary>A store, and for S3 what the server makes of the newer parts of the protocol.</summary>
public enum StoreKind
{
    Local,

    /// <summary>s3rver as it is: ignores the condition of a put and misreads ranges from the end.</summary>
    S3,

    /// <summary>s3rver behind a proxy that answers as AWS does.</summary>
    S3LikeAws,

    /// <summary>s3rver behind a proxy that refuses conditions with 501.</summary>
    S3WithoutConditions,
}

/// <summary>Tests that share the server and the process's credentials run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class S3Tests
{
    public const string Name = "S3";
}
