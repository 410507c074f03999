using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>
/// The encodings of databases. A dump, and what PostgreSQL's programs say of it, has the names of its objects in the encoding of
/// the database that it is of.
/// </summary>
internal static class ServerEncoding
{
    private static readonly Dictionary<string, string> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        ["UTF8"] = "utf-8", ["LATIN1"] = "iso-8859-1", ["LATIN2"] = "iso-8859-2", ["LATIN3"] = "iso-8859-3", ["LATIN4"] = "iso-8859-4",
        ["LATIN5"] = "iso-8859-9", ["LATIN7"] = "iso-8859-13", ["LATIN9"] = "iso-8859-15",
        ["ISO_8859_5"] = "iso-8859-5", ["ISO_8859_6"] = "iso-8859-6", ["ISO_8859_7"] = "iso-8859-7", ["ISO_8859_8"] = "iso-8859-8",
        ["KOI8R"] = "koi8-r", ["KOI8U"] = "koi8-u", ["EUC_JP"] = "euc-jp", ["EUC_JIS_2004"] = "euc-jp", ["EUC_CN"] = "gb2312", ["EUC_KR"] = "euc-kr",
        ["WIN866"] = "cp866", ["WIN874"] = "windows-874", ["WIN1250"] = "windows-1250", ["WIN1251"] = "windows-1251", ["WIN1252"] = "windows-1252",
        ["WIN1253"] = "windows-1253", ["WIN1254"] = "windows-1254", ["WIN1255"] = "windows-1255", ["WIN1256"] = "windows-1256", ["WIN1257"] = "windows-1257", ["WIN1258"] = "windows-1258",
    };

    /// <summary>How its texts are read; one that is not known here is read as UTF-8, so that at least ASCII is right.</summary>
    public static Encoding Of(string name)
    {
        if (name == BytesEncoding.Database)
        {
            return new BytesEncoding();
        }

        try
        {
            var known = Names.GetValueOrDefault(name, "utf-8");
            return CodePagesEncodingProvider.Instance.GetEncoding(known) ?? Encoding.GetEncoding(known);
        }
        catch (ArgumentException)
        {
            return Encoding.UTF8;
        }
    }

    /// <summary>Whether a text can be an argument of a program, which gets its arguments in UTF-8 and compares bytes.</summary>
    public static bool CanBeArgument(string text, string encoding) => Ascii.IsValid(text) || encoding == "UTF8" || (encoding == BytesEncoding.Database && !BytesEncoding.IsNeeded(text));
}
