using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Sessions;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Sessions;

/// <summary>Each form of a connection string comes to what PostgreSQL's client library makes of it, or is refused in words that repeat nothing of it.</summary>
public sealed class ConnectionStringTests
{
    private const string Secret = "zQ7canary";

    [Theory]
    [InlineData("host=db port=5433 user=app dbname=shop password=x", "app", "x", "postgresql://db:5433/shop")]
    [InlineData("  host = db\tuser=app\n dbname\v=\fshop ", "app", null, "postgresql://db:5432/shop")]
    [InlineData(@"host=db user='the app' password='it\'s a \\ b' dbname=x", "the app", @"it's a \ b", "postgresql://db:5432/x")]
    [InlineData(@"host=db user=a\ b password=c\'d\\e dbname=x", "a b", @"c'd\e", "postgresql://db:5432/x")]
    [InlineData("host=db user=a password='' dbname=x", "a", null, "postgresql://db:5432/x")]
    [InlineData("host=db user=a password='a;b=c' dbname=x", "a", "a;b=c", "postgresql://db:5432/x")]
    [InlineData("host=db user=a password=a;b dbname=x", "a", "a;b", "postgresql://db:5432/x")]
    [InlineData("host=db user=a password=p=q dbname=x", "a", "p=q", "postgresql://db:5432/x")]
    [InlineData("host='db'user=a password=é dbname=x", "a", "é", "postgresql://db:5432/x")]
    [InlineData("user=first user=a host=db dbname=x", "a", null, "postgresql://db:5432/x")]
    [InlineData("host=/run/sock port=6000 user=a dbname=x", "a", null, "postgresql:///x?host=/run/sock&port=6000")]
    [InlineData("host=one,two port=1,2 user=a dbname=x", "a", null, "postgresql://one:1,two:2/x")]
    [InlineData("host=one,two port=7 user=a dbname=x", "a", null, "postgresql://one:7,two:7/x")]
    [InlineData("hostaddr=127.0.0.1 host=db user=a dbname=x", "a", null, "postgresql://db:5432/x")]
    [InlineData("Host=db;Port=5433;Username=app;Password=\"a;b'c\";Database=shop", "app", "a;b'c", "postgresql://db:5433/shop")]
    [InlineData("Server=db;User Id=app;Pwd=x y;Database=shop", "app", "x y", "postgresql://db:5432/shop")]
    [InlineData("Host=one:1,two;Port=2;Username=a;Database=x", "a", null, "postgresql://one:1,two:2/x")]
    [InlineData("Host=[::1]:77;Username=a;Database=x", "a", null, "postgresql://[::1]:77/x")]
    [InlineData("Host=::1;Username=a;Database=x", "a", null, "postgresql://[::1]:5432/x")]
    [InlineData("host=db;username=a;password=p;database=x", "a", "p", "postgresql://db:5432/x")]
    [InlineData("postgresql://app:x@db:5433/shop", "app", "x", "postgresql://db:5433/shop")]
    [InlineData("postgres://app@db/shop\n", "app", null, "postgresql://db:5432/shop")]
    [InlineData("postgresql://a@[2001:db8::7]:77/x", "a", null, "postgresql://[2001:db8::7]:77/x")]
    [InlineData("postgresql://a@%2Frun%2Fsock:77/x", "a", null, "postgresql:///x?host=/run/sock&port=77")]
    [InlineData("postgresql://a@/x?host=/run/sock&port=77", "a", null, "postgresql:///x?host=/run/sock&port=77")]
    [InlineData("postgresql:///x?host=db&user=a", "a", null, "postgresql://db:5432/x")]
    [InlineData("postgresql://a@one:1,[::1]:2,three/x", "a", null, "postgresql://one:1,[::1]:2,three:5432/x")]
    [InlineData("postgresql://o%40d:p%40s%3A%2F%3F%23%25@db/a%2Fb", "o@d", "p@s:/?#%", "postgresql://db:5432/a%2Fb")]
    [InlineData("postgresql://a:p?x#y:z@db/x", "a", "p?x#y:z", "postgresql://db:5432/x")]
    [InlineData("postgresql://a:%C3%A9+@db/x", "a", "é+", "postgresql://db:5432/x")]
    [InlineData("postgresql://a:b@db/x?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=5&application_name=q", "a", "b", "postgresql://db:5432/x")]
    [InlineData("postgresql://a@db/x?ssl=true", "a", null, "postgresql://db:5432/x")]
    [InlineData("postgresql+psycopg2://a:b@db/x", "a", "b", "postgresql://db:5432/x")]
    [InlineData("postgres+asyncpg://a:b@db/x", "a", "b", "postgresql://db:5432/x")]
    [InlineData("jdbc:postgresql://db:5433/x?user=a&password=b", "a", "b", "postgresql://db:5433/x")]
    [InlineData("postgis://a:b@db/x", "a", "b", "postgresql://db:5432/x")]
    public void Every_form_is_taken(string text, string user, string? password, string place)
    {
        var settings = PostgresConnectionString.Parse(text);
        Assert.Equal((user, password, place), (settings.User, settings.Password, PostgresPlace.Describe(settings, settings.Database)));
        // What it is shown as leads to the same place.
        var again = PostgresConnectionString.Parse(settings.Public());
        Assert.Equal((settings.User, settings.Database, null), (again.User, again.Database, again.Password));
        Assert.Equal(settings.Hosts, again.Hosts);
    }

    [Theory]
    [InlineData("host=db password=" + Secret + " x user=a", "an '=' is missing behind the word at position")]
    [InlineData("host=db password=a " + Secret + "=b", "the keyword at position 20")]
    [InlineData("host=db password='" + Secret, "the quote at position 18 is not closed")]
    [InlineData("host=db pasword=" + Secret, "the keyword at position 9")]
    [InlineData("host=db port=" + Secret, "the port")]
    [InlineData("host=db sslmode=" + Secret, "sslmode is none of")]
    [InlineData("host=db connect_timeout=" + Secret, "connect_timeout")]
    [InlineData("host=db hostaddr=" + Secret, "hostaddr")]
    [InlineData("host=db target_session_attrs=" + Secret, "target_session_attrs")]
    [InlineData("host=db requirepeer=" + Secret, "'requirepeer' is not possible here")]
    [InlineData("host=db service=" + Secret, "the service that it names")]
    [InlineData("host=one,two port=1,2,3 password=" + Secret, "3 ports for 2 hosts")]
    [InlineData("Host=db Username=a Password=" + Secret, "the keyword at position 1")]
    [InlineData("Host=db;Username=a Password=" + Secret, "semicolons")]
    [InlineData("Host=db;Database=x Pwd = " + Secret, "semicolons")]
    [InlineData("Host=db;Username=a;Password=a;" + Secret, "between two semicolons")]
    [InlineData("Host=db;Username=a;Passwort=" + Secret, "between two semicolons")]
    [InlineData("postgresql://a:p@" + Secret + "@db/x", "a second @")]
    [InlineData("postgresql://a:p@/" + Secret + "@db/x", "an @ stands behind the slash")]
    [InlineData("postgresql://a:p/" + Secret + "@db/x", "an @ stands behind the slash")]
    [InlineData("postgresql://db:p" + Secret + "/x", "the port")]
    [InlineData("postgresql://a:55/" + Secret + "@db/x", "an @ stands behind the slash")]
    [InlineData("postgresql://a:p@x?" + Secret + "@db/x", "no keyword=value")]
    [InlineData("postgresql://a:p@x?y=" + Secret + "@db/x", "parameter 1")]
    [InlineData("postgresql://a:%" + Secret + "@db/x", "a % is followed")]
    [InlineData("postgresql://a:p%00" + Secret + "@db/x", "a % is followed")]
    [InlineData("postgresql://a:p@[::1" + Secret + "/x", "brackets")]
    [InlineData("postgresql://a:p@[::1]" + Secret + "/x", "brackets")]
    [InlineData("postgresql://a:p@db/x?sslmod=" + Secret, "parameter 1")]
    [InlineData("postgresql://a:p@db/x?ssl=" + Secret, "parameter 1")]
    [InlineData("postgresql://a@db/x password=" + Secret, "another keyword")]
    [InlineData("postgresql://a@db/x;password=" + Secret, "another keyword")]
    [InlineData("postgresql://a@db/x&password=" + Secret, "another keyword")]
    [InlineData(Secret, "the word at position 1")]
    [InlineData("a@db:" + Secret, "the word at position 1")]
    [InlineData("", "it is empty")]
    public void What_makes_no_sense_is_refused_by_its_place_and_never_repeated(string text, string words)
    {
        var error = Assert.Throws<MaintenanceException>(() => PostgresConnectionString.Parse(text));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", error.ToString() + error.Target, StringComparison.Ordinal);
    }

    [Fact]
    public void Parameters_of_other_drivers_are_left_out_and_only_known_names_are_told()
    {
        var settings = PostgresConnectionString.Parse($"postgresql://a@db/x?schema=public&connection_limit=5&{Secret}=1&other=2");
        Assert.Equal(["schema", "connection_limit", "2 that PostgreSQL does not know"], settings.Ignored);
    }

    [Fact]
    public void Programs_get_what_the_driver_gets_and_the_chosen_host_alone()
    {
        var settings = PostgresConnectionString.Parse("host=one,two hostaddr=10.0.0.1,::1 port=1,2 user=a password=b sslmode=verify-ca sslrootcert=/ca.pem options='-c geqo=off' target_session_attrs=read-write dbname=x");
        var clients = settings.ForClients(settings.Hosts[1]);
        Assert.Equal(("two", "::1", "2", "verify-ca", "/ca.pem"), (clients["host"], clients["hostaddr"], clients["port"], clients["sslmode"], clients["sslrootcert"]));
        Assert.DoesNotContain("target_session_attrs", clients.Keys);
        var driver = settings.ForDriver(settings.Hosts[1]);
        Assert.Equal(("::1", 2, Npgsql.SslMode.VerifyCA, "/ca.pem"), (driver.Host, driver.Port, driver.SslMode, driver.RootCertificate));
    }

    [Fact]
    public void A_service_gives_what_the_string_does_not_say()
    {
        using var folder = new TestFolder();
        var file = folder["services.conf"];
        File.WriteAllText(file, $"# all\n[other]\nhost=wrong\n\n[shop]\nhost=db\nport=77\npassword={Secret} with 'quotes'\ndbname=shop\nuser=a\nuser=b\n[last]\nhost=x\n");
        var settings = PostgresConnectionString.Parse($"service=shop servicefile='{file}' port=78");
        Assert.Equal(("a", $"{Secret} with 'quotes'", "postgresql://db:78/shop"), (settings.User, settings.Password, PostgresPlace.Describe(settings, settings.Database)));

        File.WriteAllText(file, $"[shop]\npasword={Secret}\n");
        var error = Assert.Throws<MaintenanceException>(() => PostgresConnectionString.Parse($"postgresql://a@db/x?service=shop&servicefile={Uri.EscapeDataString(file)}"));
        Assert.Contains("Line 2 of", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_password_file_goes_by_the_name_and_counts_only_where_it_is_private()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var folder = new TestFolder();
        var file = folder["pass"];
        File.WriteAllText(file, "# db:5432:x:a:no\nother:*:*:*:no\ndb:77:*:a:port\n*:*:x:b\\:c:e\\:f:g\\\\h\nlocalhost:*:*:*:socket\ndb:*:*:*:last\n");
        string? Of(string text) => PostgresConnectionString.Parse($"{text} passfile='{file}'") is var s ? s.ForDriver(s.Hosts[0]).Password : null;
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal("last", Of("host=db hostaddr=127.0.0.1 user=a dbname=x"));
        Assert.Equal("port", Of("host=db port=77 user=a dbname=x"));
        Assert.Equal("e:f:g\\h", Of("host=far user=b:c dbname=x"));
        Assert.Equal("socket", Of("host=/tmp user=a dbname=x"));
        Assert.Equal("said", Of("host=db user=a dbname=x password=said"));
        Assert.Null(Of("host=far user=a dbname=x"));
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Null(Of("host=db user=a dbname=x"));
    }

    [Theory]
    [InlineData("postgresql://a:x@db/x", true)]
    [InlineData(" host=db password=x", true)]
    [InlineData("Data Source=db;Pwd=x", true)]
    [InlineData("jdbc:postgresql://db/x", true)]
    [InlineData("x password = y", true)]
    [InlineData("/srv/app.db", false)]
    [InlineData("./host=1.db", false)]
    [InlineData("s3://bucket/prefix", false)]
    [InlineData("https://host/path", false)]
    [InlineData("a=b.txt", false)]
    public void A_connection_in_the_place_of_a_path_is_known_as_one(string text, bool isOne) => Assert.Equal(isOne, SecretText.IsConnection(text));

    [Fact]
    public void Passwords_in_the_words_of_others_are_hidden()
    {
        Assert.Equal("cannot open host=db password=… user=a", SecretText.Hide($"cannot open host=db password='{Secret} x' user=a"));
        Assert.Equal("cannot open Password=…;Host=db", SecretText.Hide($"cannot open Password={Secret};Host=db"));
        Assert.Equal("no redis://…@db:1 there", SecretText.Hide($"no redis://:{Secret}@db:1 there"));
        Assert.Equal("postgres://…@db/x", SecretText.Hide($"postgres://a:x/{Secret}@db/x"));
        Assert.Equal("see https://host/a@b and s3://bucket/x@y", SecretText.Hide("see https://host/a@b and s3://bucket/x@y"));
    }
}
