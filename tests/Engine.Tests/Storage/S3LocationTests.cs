using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Storage.S3;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Storage;

[Collection(S3Tests.Name)]
public sealed class S3LocationTests
{
    [Theory]
    [InlineData("s3://bucket", "bucket", "", "s3://bucket")]
    [InlineData("s3://bucket/", "bucket", "", "s3://bucket")]
    [InlineData("s3://bucket/app/backups/", "bucket", "app/backups", "s3://bucket/app/backups")]
    [InlineData("s3://bucket/app?region=eu-central-1", "bucket", "app", "s3://bucket/app?region=eu-central-1")]
    [InlineData("s3://bucket/app?pathstyle=TRUE&endpoint=http://127.0.0.1:9000/", "bucket", "app", "s3://bucket/app?endpoint=http://127.0.0.1:9000&pathStyle=true")]
    [InlineData("s3://bucket/app?endpoint=https%3A%2F%2Fs3.example.com%2Ftenant", "bucket", "app", "s3://bucket/app?endpoint=https://s3.example.com/tenant")]
    public void A_location_has_one_spelling(string location, string bucket, string prefix, string text)
    {
        var parsed = S3Location.Parse(location);
        Assert.Equal(bucket, parsed.Bucket);
        Assert.Equal(prefix, parsed.Prefix);
        Assert.Equal(text, parsed.Text);
        Assert.Equal(parsed, S3Location.Parse(parsed.Text));
    }

    [Theory]
    [InlineData("s3://AKIAUSER:hunter2@bucket/app")]
    [InlineData("s3://hunter2@bucket/app")]
    [InlineData("s3://bucket/app?secretKey=hunter2")]
    [InlineData("s3://bucket/app?endpoint=http://user:hunter2@127.0.0.1:9000")]
    [InlineData("s3://bucket/app?endpoint=ftp://hunter2")]
    [InlineData("s3://bucket/app?region=hunter2/x")]
    [InlineData("s3://bucket/../other")]
    [InlineData("s3://bucket/a//b")]
    [InlineData("s3://")]
    [InlineData("s3://ab")]
    public void What_cannot_be_a_location_is_refused_without_its_secrets(string location)
    {
        var e = Assert.Throws<MaintenanceException>(() => ObjectStores.Open(location));
        Assert.Equal(ErrorCode.InvalidArgument, e.Code);
        Assert.DoesNotContain("hunter2", e.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", e.Target ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void The_environment_names_the_server_where_the_location_does_not()
    {
        using var general = new S3EnvironmentVariable("AWS_ENDPOINT_URL", "http://127.0.0.1:9001");
        Assert.Equal(9001, S3Settings.EndpointOf(S3Location.Parse("s3://bucket"))!.Port);
        using var special = new S3EnvironmentVariable("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9002");
        Assert.Equal(9002, S3Settings.EndpointOf(S3Location.Parse("s3://bucket"))!.Port);
        Assert.Equal(9003, S3Settings.EndpointOf(S3Location.Parse("s3://bucket?endpoint=http://127.0.0.1:9003"))!.Port);
    }
}
